package document

import (
	"regexp"
	"slices"
	"strings"
)

// define takes the functions out of the statements of a file: def NAME(...) { }, and closures in variables. What they do counts where
// they are called.
func (j *jenkinsReader) define(statements []*groovyStatement) []*groovyStatement {
	var rest []*groovyStatement
	for _, st := range statements {
		body, block := st.body()
		name := ""
		if block {
			name = defined(st.tokens)
		}
		if name == "" {
			rest = append(rest, st)
			continue
		}
		j.functions[name] = body
	}
	return rest
}

// defined is the name of what a statement defines: the word before the first bracket, or before a single =, when another word stands before it.
func defined(tokens []groovyToken) string {
	for i := 1; i < len(tokens); i++ {
		t := &tokens[i]
		closure := t.is("=") && i+1 < len(tokens) && tokens[i+1].kind == groovyBlock
		if (t.is("(") || closure) && tokens[i-1].kind == groovyWord {
			if i > 1 && tokens[i-2].kind == groovyWord && !strings.Contains(tokens[i-1].text, ".") || closure {
				return tokens[i-1].text
			}
			return ""
		}
		if t.kind == groovyBlock || t.kind == groovyText || t.is("=") {
			return ""
		}
	}
	return ""
}

// groovyMentions are names with the lines where they are first mentioned.
type groovyMentions struct {
	names []string
	lines map[string]int
}

func (m *groovyMentions) add(t *groovyToken) {
	if m.lines == nil {
		m.lines = map[string]int{}
	}
	if _, known := m.lines[t.text]; !known && t.kind == groovyText && len(m.names) < 1000 {
		m.lines[t.text] = t.line
		m.names = append(m.names, t.text)
	}
}

func (m *groovyMentions) value() *value {
	out := listValue()
	for _, name := range m.names {
		out.items = append(out.items, objectValue(m.lines[name], "id", textValue(name, 0), "line", numberValue(m.lines[name])))
	}
	return out
}

// mentions finds the credentials that a file asks for, and the shared libraries that it uses.
func mentions(body []*groovyStatement, credentials, libraries *groovyMentions) {
	for _, st := range body {
		for i := range st.tokens {
			t := &st.tokens[i]
			at := i + 1
			if at < len(st.tokens) && (st.tokens[at].is("(") || st.tokens[at].is(":")) {
				at++
			}
			for at < len(st.tokens) && (st.tokens[at].is("[") || st.tokens[at].word("identifier") || st.tokens[at].is(":")) {
				at++
			}
			switch {
			case t.kind == groovyBlock:
				mentions(t.body, credentials, libraries)
			case at >= len(st.tokens):
			case t.word("credentials", "credentialsId"):
				credentials.add(&st.tokens[at])
			case t.word("Library", "library", "lib"):
				for end := at; end < len(st.tokens) && (end == at || st.tokens[end].kind == groovyText || st.tokens[end].is(",")); end++ {
					libraries.add(&st.tokens[end])
				}
			}
		}
	}
}

var deploying = regexp.MustCompile(`(?i)deploy|apply|rollout|promote|provision|destroy|release(To|In|On|$)|helm|kubectl|terraform|tofu|cloudformation`)

// elsewhere says why nobody can tell what a step does: it is defined in another file, or reads a program from one. Where a file uses
// shared libraries, any step that is not known can be theirs; else one is only doubted that sounds like deploying, for plugins bring many.
func (j *jenkinsReader) elsewhere(name, object string, first bool, rest []groovyToken) string {
	if len(rest) > 0 && rest[0].is("=") {
		return "" // a variable that is set
	}
	switch {
	case name == "load" || name == "evaluate":
		return name + " runs a program from elsewhere"
	case object != "" && !deploying.MatchString(name), slices.Contains(jenkinsSteps(), name):
		return ""
	case deploying.MatchString(name), j.libraries && object == "" && first:
		return name + " is defined elsewhere"
	}
	return ""
}

// jenkinsSteps are steps of Jenkins' own and of widely used plugins that deploy nothing, or whose blocks hold what they do.
func jenkinsSteps() []string {
	return []string{
		"ansiColor", "archive", "archiveArtifacts", "ansiblePlaybook", "bat", "bitbucketStatusNotify", "build", "buildDiscarder", "catchError", "checkout",
		"cleanWs", "cobertura", "configFileProvider", "container", "copyArtifacts", "cron", "deleteDir", "dir", "disableConcurrentBuilds", "discoverGitReferenceBuild",
		"dockerNode", "dockerFingerprintFrom", "echo", "emailext", "emailextrecipients", "error", "fileExists", "findFiles", "findbugs", "fingerprint",
		"getContext", "git", "githubNotify", "gitlabCommitStatus", "hudson", "input", "isUnix", "issueCommentTrigger", "jacoco", "jiraComment", "junit",
		"kubernetesDeploy", "library", "libraryResource", "lock", "mail", "mattermostSend", "milestone", "node", "nodejs", "nunit", "office365ConnectorSend",
		"parallel", "podTemplate", "powershell", "print", "println", "properties", "publishChecks", "publishCoverage", "publishHTML", "pwd", "pwsh",
		"readCSV", "readFile", "readJSON", "readManifest", "readMavenPom", "readProperties", "readTrusted", "readYaml", "recordIssues", "resolveScm", "retry",
		"scanForIssues", "script", "sh", "slackSend", "sleep", "sshagent", "stage", "stash", "step", "steps", "tee", "timeout", "timestamps", "tm", "tool",
		"unarchive", "unstable", "unstash", "unzip", "updateGitlabCommitStatus", "validateDeclarativePipeline", "waitForQualityGate", "waitUntil",
		"warnError", "withCredentials", "withDockerContainer", "withDockerRegistry", "withDockerServer", "withEnv", "withGradle", "withKubeConfig", "withMaven",
		"withSonarQubeEnv", "withVault", "wrap", "writeCSV", "writeFile", "writeJSON", "writeMavenPom", "writeYaml", "ws", "xunit", "zip", "failFast", "always",
	}
}
