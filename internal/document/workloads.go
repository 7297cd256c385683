package document

// podPaths says where the Pod template of a kind nests. The kinds that are not Kubernetes' own are there because their
// controllers make Pods of a plain Pod template just the same.
var podPaths = map[string][]string{
	"/Pod":                              {},
	"/PodTemplate":                      {"template"},
	"/ReplicationController":            {"spec", "template"},
	"apps/DaemonSet":                    {"spec", "template"},
	"apps/Deployment":                   {"spec", "template"},
	"apps/ReplicaSet":                   {"spec", "template"},
	"apps/StatefulSet":                  {"spec", "template"},
	"batch/CronJob":                     {"spec", "jobTemplate", "spec", "template"},
	"batch/Job":                         {"spec", "template"},
	"extensions/DaemonSet":              {"spec", "template"},
	"extensions/Deployment":             {"spec", "template"},
	"extensions/ReplicaSet":             {"spec", "template"},
	"apps.kruise.io/CloneSet":           {"spec", "template"},
	"apps.kruise.io/DaemonSet":          {"spec", "template"},
	"apps.kruise.io/StatefulSet":        {"spec", "template"},
	"apps.kruise.io/BroadcastJob":       {"spec", "template"},
	"argoproj.io/Rollout":               {"spec", "template"},
	"serving.knative.dev/Service":       {"spec", "template"},
	"serving.knative.dev/Configuration": {"spec", "template"},
}

// foreign are the groups of podPaths that are not Kubernetes' own. Their objects may get their Pods from elsewhere (a Rollout
// with a workloadRef), so without a template they make none.
var foreign = map[string]bool{"apps.kruise.io": true, "argoproj.io": true, "serving.knative.dev": true}

// podPath is where the Pod template of an object is; nil: it makes no Pods.
func podPath(group, kind string, object *value) []string {
	path, ok := podPaths[group+"/"+kind]
	if !ok || foreign[group] && object.at(path...) == nil {
		return nil
	}
	return path
}
