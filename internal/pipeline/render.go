package pipeline

import (
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// KubernetesOptions is what a configuration says about manifests, kustomizations and charts, in the words of package document.
// repository is OWNER/NAME, "" when nobody knows.
func KubernetesOptions(k repoconfig.Kubernetes, repository string) document.KubernetesOptions {
	o := document.KubernetesOptions{Paths: k.Paths, Render: document.RenderOptions{Kustomize: k.Kustomize, Repository: repository}}
	for _, h := range k.Helm {
		o.Render.Helm = append(o.Render.Helm, document.HelmRelease(h))
	}
	return o
}
