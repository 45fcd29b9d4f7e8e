module unhealthy

go 1.26
