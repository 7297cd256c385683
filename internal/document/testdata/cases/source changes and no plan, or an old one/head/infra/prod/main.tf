module "m" {
  source = "../mod"
}
