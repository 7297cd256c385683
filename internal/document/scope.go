package document

import (
	"slices"
	"strings"
)

// ClusterScoped reports whether objects of one of Kubernetes' own kinds have no namespace. Of custom resources it knows nothing.
func ClusterScoped(group, kind string) bool {
	return builtinGroup(group) && slices.Contains(clusterKinds(), kind)
}

// builtinGroup tells Kubernetes' own API groups from those of custom resources.
func builtinGroup(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

// clusterKinds are Kubernetes' own kinds that have no namespace.
func clusterKinds() []string {
	return []string{
		"APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "ClusterTrustBundle",
		"ComponentStatus", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IPAddress", "IngressClass",
		"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node",
		"PersistentVolume", "PodSecurityPolicy", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass",
		"ServiceCIDR", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
		"ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
	}
}
