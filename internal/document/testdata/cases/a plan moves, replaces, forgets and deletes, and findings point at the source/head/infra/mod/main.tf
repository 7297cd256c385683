variable "name_in" { type = string }
resource "terraform_data" "inner" {
  count = 2
  input = var.name_in
}
output "out" { value = terraform_data.inner[0].output }
