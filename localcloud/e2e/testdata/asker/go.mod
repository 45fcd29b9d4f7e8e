module asker

go 1.26
