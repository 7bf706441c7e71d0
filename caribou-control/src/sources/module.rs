//! The modules of a crate, and the workflows in them, as far as the text tells.

use std::path::{Path, PathBuf};

use super::token::{Kind, Token, tokens};

/// A workflow in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The workflow's name.
    pub(super) name: String,
    /// The file.
    pub(super) file: PathBuf,
    /// The line of its attribute.
    pub(super) line: usize,
}

/// The workflows of the crate with this root file. Only what is always compiled is looked at: no item under a `cfg`, and
/// nothing that a macro makes.
pub(super) fn workflows(root: &Path) -> Vec<Written> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    let mut waiting = vec![(root.to_path_buf(), parent(root))];
    while let Some((file, below)) = waiting.pop() {
        if seen.contains(&file) {
            continue;
        }
        // a file that cannot be read did not stop the compiler: it is not part of the crate
        if let Ok(source) = std::fs::read_to_string(&file) {
            let mut module = Module::read(&tokens(&source));
            found.extend(module.workflows.drain(..).map(|(name, line)| {
                let file = file.clone();
                Written { name, file, line }
            }));
            waiting.extend(module.children.iter().filter_map(|child| child.find(&file, &below)));
        }
        seen.push(file);
    }
    found.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    found
}

fn parent(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_path_buf()
}

/// What stands in a file.
#[derive(Debug, Default)]
struct Module {
    workflows: Vec<(String, usize)>,
    children: Vec<Child>,
}

/// A module in a file of its own.
#[derive(Debug, PartialEq, Eq)]
struct Child {
    /// The modules of this file that it stands in, and its name.
    names: Vec<String>,
    /// What its `path` attribute says.
    path: Option<String>,
}

impl Child {
    /// Its file, and the folder of the modules below it.
    fn find(&self, file: &Path, below: &Path) -> Option<(PathBuf, PathBuf)> {
        let mut folder = below.to_path_buf();
        let (name, outer) = self.names.split_last()?;
        folder.extend(outer);
        if let Some(path) = &self.path {
            let base = if outer.is_empty() { parent(file) } else { folder };
            let file = base.join(path);
            let below = parent(&file);
            return Some((file, below));
        }
        let own = folder.join(name);
        let flat = folder.join(format!("{name}.rs"));
        let file = if flat.is_file() { flat } else { own.join("mod.rs") };
        Some((file, own))
    }
}

impl Module {
    fn read(tokens: &[Token]) -> Self {
        let mut module = Self::default();
        let imported = imports_workflow(tokens);
        let mut attributes: Vec<&[Token]> = Vec::new();
        let mut inline: Vec<String> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let name = || tokens.get(at + 1).and_then(Token::word);
            let mark = |offset: usize, mark: char| tokens.get(at + offset).is_some_and(|t| t.is(mark));
            let always =
                !attributes.iter().any(|attribute| attribute.first().and_then(Token::word) == Some("cfg"));
            if token.is('#') && mark(1, '[') {
                let end = group_end(tokens, at + 1);
                attributes.push(tokens.get(at + 2..end.saturating_sub(1)).unwrap_or_default());
                at = end;
                continue;
            }
            match (token.word(), name()) {
                (Some("mod"), Some(name)) if mark(2, '{') && always => {
                    inline.push(name.to_owned());
                    attributes.clear();
                    at += 3;
                    continue;
                }
                (Some("mod"), Some(name)) if mark(2, ';') && always => {
                    let names = inline.iter().cloned().chain([name.to_owned()]).collect();
                    let path = attributes.iter().find_map(|attribute| setting(attribute, "path"));
                    module.children.push(Child { names, path });
                }
                (Some("fn"), Some(name)) if always => {
                    let workflow = attributes.iter().find(|attribute| is_workflow(attribute, imported));
                    module.workflows.extend(workflow.map(|attribute| {
                        let line = attribute.first().map_or(token.line, |token| token.line);
                        (setting(attribute, "name").unwrap_or_else(|| name.to_owned()), line)
                    }));
                }
                _ => {}
            }
            if token.is('}') {
                inline.pop();
            }
            if token.is('{') || token.is('(') || token.is('[') {
                at = group_end(tokens, at);
            } else {
                at += 1;
            }
            if token.is('{') || token.is('}') || token.is(';') {
                attributes.clear();
            }
        }
        module
    }
}

/// The position behind the group that opens at a position.
fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Whether an attribute makes a workflow: `caribou::workflow`, or `workflow` where that is imported.
fn is_workflow(attribute: &[Token], imported: bool) -> bool {
    let path: Vec<&Token> = attribute
        .iter()
        .take_while(|token| token.is(':') || token.word().is_some())
        .filter(|token| !token.is(':'))
        .collect();
    let path: Vec<&str> = path.into_iter().filter_map(Token::word).collect();
    path == ["caribou", "workflow"] || (imported && path == ["workflow"])
}

/// Whether `workflow` is imported from `caribou` by its name.
fn imports_workflow(tokens: &[Token]) -> bool {
    tokens.split(|token| token.is(';') || token.is('}')).any(|statement| {
        let from = statement.iter().position(|token| token.word() == Some("use"));
        let words: Vec<&str> =
            statement.iter().skip(from.unwrap_or(usize::MAX)).filter_map(Token::word).collect();
        words.get(1) == Some(&"caribou") && words.contains(&"workflow")
    })
}

/// What an attribute sets a name to: `name = "text"`.
fn setting(attribute: &[Token], name: &str) -> Option<String> {
    attribute.windows(3).find_map(|three| match (three[0].word(), three[1].is('='), &three[2].kind) {
        (Some(word), true, Kind::Text(text)) if word == name => Some(text.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        Module::read(&tokens(source)).workflows.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_workflow_has_the_name_that_its_attribute_gives_it() {
        let source = "#[caribou::workflow] async fn a() {} /// doc\n#[caribou::workflow(version = \"1.0.0\", name = \
                      \"bee\")]\n#[allow(x)] pub(crate) async fn b() {}";
        assert_eq!(names(source), ["a", "bee"]);
    }

    #[test]
    fn what_is_not_compiled_is_no_workflow() {
        let source = r##"
            // #[caribou::workflow] async fn comment() {}
            const TEXT: &str = "#[caribou::workflow] async fn string() {}";
            const RAW: &str = r#"#[caribou::workflow] async fn raw() {}"#;
            #[cfg(test)] mod tests { #[caribou::workflow] async fn test() {} }
            #[cfg(feature = "x")] #[caribou::workflow] async fn feature() {}
            macro_rules! make { ($n:ident) => { #[caribou::workflow] async fn $n() {} } }
            fn outer() { #[caribou::workflow] async fn inner() {} }
            #[other::workflow] async fn other() {}
            #[workflow] async fn unknown() {}
        "##;
        assert_eq!(names(source), Vec::<String>::new());
    }

    #[test]
    fn an_imported_attribute_counts() {
        assert_eq!(names("use caribou::{function, workflow}; #[workflow] async fn a() {}"), ["a"]);
        assert_eq!(names("use golem::workflow; #[workflow] async fn a() {}"), Vec::<String>::new());
    }

    #[test]
    fn modules_are_followed_where_the_compiler_follows_them() {
        let folder = tempfile::tempdir().unwrap();
        let one = |name: &str| format!("#[caribou::workflow] async fn {name}() {{}}");
        let files = [
            ("lib.rs", "mod flat; mod deep; mod inline { pub mod below; } #[path = \"odd/place.rs\"] mod elsewhere; \
                        #[cfg(test)] mod tests;"
                .to_owned()),
            ("flat.rs", format!("mod under;\n{}", one("flat"))),
            ("flat/under.rs", one("under")),
            ("deep/mod.rs", one("deep")),
            ("inline/below.rs", one("below")),
            ("odd/place.rs", one("elsewhere")),
            ("tests.rs", one("test")),
            ("forgotten.rs", one("forgotten")),
        ];
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = workflows(&folder.path().join("lib.rs"));
        let mut names: Vec<&str> = found.iter().map(|written| &*written.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["below", "deep", "elsewhere", "flat", "under"]);
        assert_eq!(found.iter().find(|written| written.name == "flat").unwrap().line, 2);
    }
}
