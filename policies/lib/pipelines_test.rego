package gatehouse.lib.pipelines_test

import data.gatehouse.lib.pipelines

test_deployments if {
	every text, wanted in {
		"terraform apply -auto-approve": {"terraform apply"},
		"cd infra && terraform -chdir=x apply plan.out": {"terraform apply"},
		"tofu destroy": {"terraform destroy"},
		"terragrunt run-all apply": {"terraform apply"},
		"kubectl -n shop apply -f k8s/": {"kubectl apply"},
		"kubectl --namespace shop delete pod x": {"kubectl apply"},
		"kubectl \\\n  apply -f x": {"kubectl apply"},
		"helm upgrade --install web .": {"helm upgrade"},
		"sudo ansible-playbook site.yml": {"ansible-playbook"},
		"aws cloudformation deploy --stack-name x": {"aws cloudformation deploy"},
		"pulumi up --yes; cdk deploy": {"pulumi up", "cdk deploy"},
	} {
		pipelines.deployments(text) == wanted
	}
}

test_no_deployments if {
	every text in [
		"terraform plan -out=tfplan", "terraform fmt", "kubectl get pods", "kubectl apply --dry-run=server -f x", "helm template .",
		"echo 'run terraform apply by hand'", "# terraform apply", "ansible-playbook site.yml --check", "make apply", "", "terraform show -json",
	] {
		pipelines.deployments(text) == set()
	}
}

test_obscured if {
	pipelines.obscured("terraform $ACTION -auto-approve")
	pipelines.obscured("terraform ${params.ACTION}")
	not pipelines.obscured("terraform plan $ARGS")
}

test_actions if {
	pipelines.action_deploys("azure/k8s-deploy")
	not pipelines.action_deploys("actions/checkout")
}
