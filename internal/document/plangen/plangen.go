// Package plangen makes large Terraform plans for benchmarks, in the shape that Terraform 1.11 and the AWS provider give them.
package plangen

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// perModule is how many resources of one kind a module call makes with for_each.
const perModule = 25

type object = map[string]any

// Plan is the JSON of a plan with so many resource changes: creations, updates, replacements, deletions and no-ops of security
// groups, buckets, instances and databases in modules, every tenth with a sensitive value. About 1.8 KB a change: 10,000 changes
// are 18 MB. The same number always gives the same bytes.
func Plan(changes int) []byte {
	var out bytes.Buffer
	write := func(v any) {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of strings and numbers
		}
		out.Write(data)
	}
	out.WriteString(`{"format_version":"1.2","terraform_version":"1.11.4","variables":{"region":{"value":"eu-west-1"}},"planned_values":{"root_module":{"resources":[`)
	for i := range changes {
		if i > 0 {
			out.WriteByte(',')
		}
		write(object{"address": address(i), "mode": "managed", "type": kinds[i%4], "name": "this", "values": object{"name": key(i)}})
	}
	out.WriteString(`]}},"resource_changes":[`)
	for i := range changes {
		if i > 0 {
			out.WriteByte(',')
		}
		write(change(i))
	}
	out.WriteString(`],"output_changes":{},"configuration":`)
	write(configuration(changes))
	out.WriteString(`,"timestamp":"2025-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}` + "\n")
	return out.Bytes()
}

var kinds = [...]string{"aws_security_group", "aws_s3_bucket", "aws_instance", "aws_db_instance"}

func module(i int) string { return fmt.Sprintf("service_%d", i/(4*perModule)) }

func address(i int) string {
	return fmt.Sprintf("module.%s.%s.this[%q]", module(i), kinds[i%4], key(i))
}

func key(i int) string { return fmt.Sprintf("node-%d", i/4%perModule) }

func change(i int) object {
	before, after := any(values(i, i)), any(values(i, i+1))
	actions := []string{"update"}
	unknown := any(object{"id": true, "arn": true, "tags_all": object{}})
	switch i % 7 {
	case 0:
		actions, before = []string{"create"}, nil
	case 1:
		actions, after, unknown = []string{"delete"}, nil, object{}
	case 2:
		actions = []string{"delete", "create"}
	case 3, 4, 5:
		actions, after, unknown = []string{"no-op"}, before, object{}
	}
	sensitive := object{"tags": object{}, "tags_all": object{}, "ingress": []object{{}, {}}}
	if i%10 == 3 {
		sensitive["password"] = true
	}
	return object{
		"address": address(i), "module_address": "module." + module(i), "mode": "managed", "type": kinds[i%4], "name": "this",
		"index": key(i), "provider_name": "registry.terraform.io/hashicorp/aws",
		"change": object{
			"actions": actions, "before": before, "after": after, "after_unknown": unknown,
			"before_sensitive": sensitive, "after_sensitive": sensitive,
		},
	}
}

func values(i, version int) object {
	return object{
		"name": fmt.Sprintf("resource-%d", i), "description": "Managed by Terraform for the service and its readers in every zone",
		"password": fmt.Sprintf("secret-%d", i), "vpc_id": "vpc-0a1b2c3d4e5f60718", "revoke_rules_on_delete": false,
		"ingress":  []object{rule(443, "10.0.0.0/8"), rule(8080+i%10, "10.1.0.0/16")},
		"tags":     object{"Name": fmt.Sprintf("resource-%d", i), "Version": fmt.Sprint(version), "Team": "platform", "CostCenter": "4711"},
		"timeouts": nil, "arn": fmt.Sprintf("arn:aws:ec2:eu-west-1:123456789012:resource/%d", i), "size": 20 + i%5,
	}
}

func rule(port int, network string) object {
	return object{
		"cidr_blocks": []string{network}, "description": "", "from_port": port, "to_port": port, "protocol": "tcp",
		"ipv6_cidr_blocks": []string{}, "prefix_list_ids": []string{}, "security_groups": []string{}, "self": false,
	}
}

func configuration(changes int) object {
	calls := object{}
	for i := 0; i < changes; i += 4 * perModule {
		var resources []object
		for _, kind := range kinds {
			resources = append(resources, object{
				"address": kind + ".this", "mode": "managed", "type": kind, "name": "this", "provider_config_key": "aws",
				"expressions": object{
					"name":     object{"references": []string{"each.key"}},
					"vpc_id":   object{"references": []string{"var.vpc_id"}},
					"ingress":  []object{{"security_groups": object{"references": []string{"aws_security_group.this"}}}},
					"password": object{"references": []string{"var.password"}},
				},
				"for_each_expression": object{"references": []string{"var.nodes"}},
			})
		}
		calls[module(i)] = object{
			"source": "git::https://example.com/modules/service.git?ref=v1.2.3",
			"expressions": object{
				"vpc_id": object{"references": []string{"aws_vpc.main.id", "aws_vpc.main"}}, "nodes": object{"constant_value": []string{"a"}},
				"password": object{"references": []string{"var.password"}},
			},
			"module": object{"resources": resources, "variables": object{"vpc_id": object{}, "nodes": object{}, "password": object{"sensitive": true}}},
		}
	}
	return object{
		"provider_config": object{"aws": object{"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws"}},
		"root_module":     object{"variables": object{"region": object{}}, "module_calls": calls},
	}
}
