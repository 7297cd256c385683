# METADATA
# title: Deleting or replacing what holds data is agreed on by more people
# description: >-
#   A replaced web server is back in a minute; a replaced database is empty. Plans show both the same way, as one
#   line among hundreds, and a reviewer who looks at the code does not see it at all. So the deletion or
#   replacement of anything that holds data asks for approvals of its own.
# related_resources:
#   - ref: https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#prevent_destroy
#     description: prevent_destroy, which stops such a plan before it is made
#   - ref: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
#     description: What happens to a volume when its claim goes
# custom:
#   id: IM-11
#   severity: critical
#   remedy: >-
#     Keep the resource: lifecycle { prevent_destroy = true }, and a moved block where it was only renamed. If the
#     data really may go, take a snapshot and have the people named here approve the pull request.
#   inspects:
#     terraform:
#       - aws_backup_vault
#       - aws_cognito_user_pool
#       - aws_db_instance
#       - aws_docdb_cluster
#       - aws_dynamodb_global_table
#       - aws_dynamodb_table
#       - aws_ebs_volume
#       - aws_efs_file_system
#       - aws_elasticache_replication_group
#       - aws_elasticsearch_domain
#       - aws_fsx_lustre_file_system
#       - aws_fsx_ontap_file_system
#       - aws_fsx_openzfs_file_system
#       - aws_fsx_windows_file_system
#       - aws_keyspaces_table
#       - aws_kinesis_stream
#       - aws_kms_key
#       - aws_memorydb_cluster
#       - aws_msk_cluster
#       - aws_neptune_cluster
#       - aws_opensearch_domain
#       - aws_rds_cluster
#       - aws_rds_global_cluster
#       - aws_redshift_cluster
#       - aws_s3_bucket
#       - aws_s3_directory_bucket
#       - aws_s3tables_table_bucket
#       - aws_secretsmanager_secret
#       - aws_timestreamwrite_database
#       - azurerm_cosmosdb_account
#       - azurerm_cosmosdb_cassandra_keyspace
#       - azurerm_cosmosdb_gremlin_database
#       - azurerm_cosmosdb_mongo_collection
#       - azurerm_cosmosdb_mongo_database
#       - azurerm_cosmosdb_sql_container
#       - azurerm_cosmosdb_sql_database
#       - azurerm_eventhub
#       - azurerm_key_vault
#       - azurerm_key_vault_key
#       - azurerm_kusto_cluster
#       - azurerm_kusto_database
#       - azurerm_managed_disk
#       - azurerm_mariadb_server
#       - azurerm_mssql_database
#       - azurerm_mssql_managed_database
#       - azurerm_mssql_managed_instance
#       - azurerm_mssql_server
#       - azurerm_mysql_flexible_database
#       - azurerm_mysql_flexible_server
#       - azurerm_mysql_server
#       - azurerm_netapp_volume
#       - azurerm_postgresql_flexible_server
#       - azurerm_postgresql_flexible_server_database
#       - azurerm_postgresql_server
#       - azurerm_redis_cache
#       - azurerm_sql_database
#       - azurerm_sql_server
#       - azurerm_storage_account
#       - azurerm_storage_container
#       - azurerm_storage_data_lake_gen2_filesystem
#       - azurerm_storage_share
#       - azurerm_storage_table
#       - google_alloydb_cluster
#       - google_alloydb_instance
#       - google_bigquery_dataset
#       - google_bigquery_table
#       - google_bigtable_instance
#       - google_bigtable_table
#       - google_compute_disk
#       - google_compute_region_disk
#       - google_filestore_instance
#       - google_firestore_database
#       - google_kms_crypto_key
#       - google_redis_instance
#       - google_secret_manager_secret
#       - google_spanner_database
#       - google_spanner_instance
#       - google_sql_database
#       - google_sql_database_instance
#       - google_storage_bucket
#       - kubernetes_namespace
#       - kubernetes_namespace_v1
#       - kubernetes_persistent_volume
#       - kubernetes_persistent_volume_claim
#       - kubernetes_persistent_volume_claim_v1
#       - kubernetes_persistent_volume_v1
#     kubernetes:
#       - PersistentVolumeClaim
#       - PersistentVolume
#       - Namespace
#       - apiextensions.k8s.io/CustomResourceDefinition
#   parameters:
#     count: {default: 2, description: How many people must approve.}
#     teams: {default: [], description: "Teams whose members' approvals count, as org/team. Empty: everyone with write access."}
package gatehouse.immutable.stateful_destroyed

import data.gatehouse.lib.terraform

require_approval contains approval if {
	some reason in _reasons
	approval := {
		"count": data.parameters.count,
		"teams": data.parameters.teams,
		"reason": reason,
	}
}

_reasons contains sprintf("%s %q is replaced%s: what it holds now is destroyed", [input.type, input.name, _cause]) if {
	input.kind == "terraform"
	terraform.replaced
}

_reasons contains sprintf("%s %q is deleted, and what it holds with it", [input.type, input.name]) if {
	input.kind == "terraform"
	"delete" in input.change.actions
	not "create" in input.change.actions
	terraform.managed
}

_reasons contains sprintf("%s %q is deleted%s", [input.type, input.name, _consequence]) if {
	input.kind == "kubernetes"
	input.resource == null
	input.before != null
}

default _cause := ""

_cause := sprintf(" (forced by %s)", [concat(", ", sort(paths))]) if {
	paths := {concat(".", [sprintf("%v", [step]) | some step in path]) | some path in input.change.replace_paths}
	count(paths) > 0
}

_consequence := ", and everything in it with it" if {
	input.type == "Namespace"
} else := ", and every object of that kind with it" if {
	input.type == "CustomResourceDefinition"
} else := ", and the data that it holds with it"
