resource "a" "b" { user_data = file("${path.module}/script.sh") }
