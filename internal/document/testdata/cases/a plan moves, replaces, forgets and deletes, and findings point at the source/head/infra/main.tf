terraform { required_version = ">= 1.4" }
variable "db_password" {
  type = string
  sensitive = true
  default = "hunter2-CANARY"
}
variable "rotated" {
  type = string
  sensitive = true
  default = "hunter3-CANARY"
}
locals { suffix = "-x" }
resource "terraform_data" "store" { input = "logs${local.suffix}" }
moved {
  from = terraform_data.bucket
  to = terraform_data.store
}
removed {
  from = terraform_data.after
  lifecycle { destroy = false }
}
resource "terraform_data" "uses" {
  for_each = toset(["a b"])
  input = { bucket = terraform_data.store.id, pw = var.rotated, key = each.key }
  triggers_replace = [terraform_data.store.output, 1]
  provisioner "local-exec" {
    command = "curl -H 'Authorization: Bearer abcCANARY' https://u:CANARYpw@x/ --password CANARYflag && echo ok"
    environment = { TOKEN = "CANARY-env" }
  }
}
module "child" {
  source = "./mod"
  name_in = terraform_data.store.output
}
output "password" {
  value = var.rotated
  sensitive = true
}
