module crashing

go 1.26
