"""What people see: words that turn with the numbers, numbers that equal the data, a page that fetches nothing."""
