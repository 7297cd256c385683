variable "greeting" {
  type    = string
  default = "hello"
}

resource "terraform_data" "greeting" {
  input = var.greeting
}

resource "terraform_data" "echo" {
  triggers_replace = [terraform_data.greeting.id]
  input            = terraform_data.greeting.output
}

output "greeting" {
  value = terraform_data.echo.output
}
