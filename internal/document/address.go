package document

import "strings"

// withoutIndexes takes the count and for_each keys out of a Terraform address: module.a["x.y"].aws_x.b[0] is module.a.aws_x.b.
func withoutIndexes(address string) string {
	if strings.IndexByte(address, '[') < 0 {
		return address
	}
	out := make([]byte, 0, len(address))
	for i := 0; i < len(address); i++ {
		if address[i] != '[' {
			out = append(out, address[i])
			continue
		}
		quoted := false
		for ; i < len(address) && (quoted || address[i] != ']'); i++ {
			switch address[i] {
			case '"':
				quoted = !quoted
			case '\\':
				i++
			}
		}
	}
	return string(out)
}

// joinAddress is an address inside a module, whose path is "" at the root.
func joinAddress(module, address string) string {
	if module == "" {
		return address
	}
	return module + "." + address
}
