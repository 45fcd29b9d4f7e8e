module walker

go 1.26.8
