package render

import (
	"cmp"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

type fluxSource struct {
	Kind      string `yaml:"kind"`
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`
}

// fluxHere reports whether a source is this repository, and whether that is certain: the GitRepository may stand elsewhere.
func (d *deployments) fluxHere(source fluxSource, namespace string) (here, certain bool) {
	if source.Kind != "GitRepository" {
		return false, false
	}
	address, known := d.sources[cmp.Or(source.Namespace, namespace)+"/"+source.Name]
	return d.here(address), known && d.repository != ""
}

// fluxKustomization takes a Kustomization of Flux whose source is this repository.
func (d *deployments) fluxKustomization(about deployment, n *yaml.Node) error {
	var k struct {
		Metadata struct {
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
		Spec struct {
			Path            string           `yaml:"path"`
			SourceRef       fluxSource       `yaml:"sourceRef"`
			TargetNamespace string           `yaml:"targetNamespace"`
			NamePrefix      string           `yaml:"namePrefix"`
			NameSuffix      string           `yaml:"nameSuffix"`
			Images          []map[string]any `yaml:"images"`
			Patches         []map[string]any `yaml:"patches"`
			Components      []string         `yaml:"components"`
			CommonMetadata  struct {
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"commonMetadata"`
			PostBuild struct {
				Substitute     map[string]string `yaml:"substitute"`
				SubstituteFrom []any             `yaml:"substituteFrom"`
			} `yaml:"postBuild"`
		} `yaml:"spec"`
	}
	if err := n.Decode(&k); err != nil {
		return err
	}
	here, certain := d.fluxHere(k.Spec.SourceRef, k.Metadata.Namespace)
	if !here {
		return nil
	}
	s, o := &k.Spec, map[string]any{}
	for name, value := range map[string]string{"namePrefix": s.NamePrefix, "nameSuffix": s.NameSuffix, "namespace": s.TargetNamespace} {
		if value != "" {
			o[name] = value
		}
	}
	if len(s.Images) > 0 {
		o["images"] = s.Images
	}
	if patches := d.patches(about, s.Patches); patches != nil {
		o["patches"] = patches
	}
	if len(s.CommonMetadata.Labels) > 0 {
		o["labels"] = []any{map[string]any{"pairs": s.CommonMetadata.Labels}}
	}
	if len(s.CommonMetadata.Annotations) > 0 {
		o["commonAnnotations"] = s.CommonMetadata.Annotations
	}
	for _, name := range s.Components {
		if dir, ok := inside(strings.TrimPrefix(path.Clean("/"+s.Path), "/"), name); ok {
			about.components = append(about.components, dir)
		}
	}
	if len(s.PostBuild.SubstituteFrom) > 0 {
		d.note(about, "substitutes values that stand in the cluster (postBuild.substituteFrom), which are left as they are", "Write those that matter into postBuild.substitute.")
	}
	about.overlay, about.substitute = o, s.PostBuild.Substitute
	d.add(about, cmp.Or(s.Path, "."), certain)
	return nil
}

// helmRelease takes a HelmRelease of Flux whose chart stands in this repository.
func (d *deployments) helmRelease(about deployment, n *yaml.Node) error {
	var h struct {
		Metadata struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
		Spec struct {
			Chart struct {
				Spec struct {
					Chart       string     `yaml:"chart"`
					SourceRef   fluxSource `yaml:"sourceRef"`
					ValuesFiles []string   `yaml:"valuesFiles"`
					Ignore      bool       `yaml:"ignoreMissingValuesFiles"`
				} `yaml:"spec"`
			} `yaml:"chart"`
			ReleaseName     string         `yaml:"releaseName"`
			TargetNamespace string         `yaml:"targetNamespace"`
			Values          map[string]any `yaml:"values"`
			ValuesFrom      []any          `yaml:"valuesFrom"`
			PostRenderers   []any          `yaml:"postRenderers"`
		} `yaml:"spec"`
	}
	if err := n.Decode(&h); err != nil {
		return err
	}
	chart := &h.Spec.Chart.Spec
	here, certain := d.fluxHere(chart.SourceRef, h.Metadata.Namespace)
	if !here || chart.Chart == "" {
		return nil
	}
	about.release = h.Spec.ReleaseName
	if about.release == "" {
		about.release = strings.TrimPrefix(h.Spec.TargetNamespace+"-"+h.Metadata.Name, "-")
	}
	about.namespace = cmp.Or(h.Spec.TargetNamespace, h.Metadata.Namespace)
	about.inline = h.Spec.Values
	for _, file := range chart.ValuesFiles {
		if !chart.Ignore || d.files.exists(path.Clean(file)) {
			about.values = append(about.values, file)
		}
	}
	if len(h.Spec.ValuesFrom) > 0 {
		d.note(about, "takes values from the cluster (valuesFrom), which are left out", "Write those that matter into values.")
	}
	if len(h.Spec.PostRenderers) > 0 {
		d.note(about, "changes what the chart makes (postRenderers), which is not done here", "Change it in the chart's values.")
	}
	d.add(about, chart.Chart, certain)
	return nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?[=-]([^${}]*))?\}`)

// substituted fills ${NAME} and ${NAME:-default} in, as Flux does after it built a kustomization. What has neither a value nor a
// default stays as it stands.
func substituted(data []byte, values map[string]string) []byte {
	return variable.ReplaceAllFunc(data, func(found []byte) []byte {
		m := variable.FindSubmatch(found)
		if value, ok := values[string(m[1])]; ok {
			return []byte(value)
		}
		if m[2] != nil {
			return m[2]
		}
		return found
	})
}
