# METADATA
# title: Cloud Storage buckets use uniform access
# description: >-
#   With access lists on single objects, nobody can say from the bucket's policy who may read what. Uniform bucket-level
#   access turns them off.
# related_resources:
#   - ref: https://cloud.google.com/storage/docs/uniform-bucket-level-access
#     description: Uniform bucket-level access
# custom:
#   id: TF-08
#   severity: medium
#   remedy: uniform_bucket_level_access = true
#   inspects: {terraform: [google_storage_bucket]}
#   references: [GCP-0002, CKV_GCP_29]
package gatehouse.terraform_cloud.gcs_uniform_access

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	input.resource.uniform_bucket_level_access == false
	finding := {"message": "uniform_bucket_level_access is false; wanted: true", "path": "uniform_bucket_level_access"}
}

deny contains finding if {
	terraform.present
	planned.missing("uniform_bucket_level_access")
	finding := {"message": "uniform_bucket_level_access is not set; wanted: true", "path": "uniform_bucket_level_access"}
}

unknown contains finding if {
	terraform.present
	planned.undecided("uniform_bucket_level_access")
	finding := {"message": "uniform_bucket_level_access is known only after apply; wanted: true", "path": "uniform_bucket_level_access"}
}
