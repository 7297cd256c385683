package pipeline

import (
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// KubernetesOptions is what a configuration says about manifests, kustomizations and charts, in the words of package document.
func KubernetesOptions(k repoconfig.Kubernetes) document.KubernetesOptions {
	o := document.KubernetesOptions{Paths: k.Paths, Render: document.RenderOptions{Kustomize: k.Kustomize}}
	for _, h := range k.Helm {
		o.Render.Helm = append(o.Render.Helm, document.HelmRelease(h))
	}
	return o
}
