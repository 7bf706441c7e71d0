//! Which variables a piece of glue touches, and how.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Lit, Macro, Pat, Stmt, UnOp};

use super::arguments::{self, Arguments};
use super::body::{Use, UseKind};
use super::scope::Scope;

/// Methods that leave what they are called on as it was.
const BORROWING: &[&str] = &[
    "as_bytes",
    "as_deref",
    "as_ref",
    "as_slice",
    "as_str",
    "bytes",
    "capacity",
    "chars",
    "clone",
    "cmp",
    "cloned",
    "concat",
    "contains",
    "contains_key",
    "copied",
    "ends_with",
    "eq",
    "first",
    "get",
    "is_empty",
    "is_err",
    "is_none",
    "is_ok",
    "is_some",
    "iter",
    "join",
    "keys",
    "last",
    "len",
    "lines",
    "ne",
    "partial_cmp",
    "split",
    "starts_with",
    "to_lowercase",
    "to_owned",
    "to_string",
    "to_uppercase",
    "to_vec",
    "trim",
    "values",
    "windows",
];

/// The variables in scope that an expression touches, each touch once and in order.
pub(crate) fn of(expr: &Expr, scope: &Scope) -> Vec<Use> {
    let mut finder = Finder { scope, shadows: vec![HashSet::new()], uses: Vec::new() };
    finder.visit_expr(expr);
    finder.uses
}

/// The names that a pattern binds. A word that begins with a capital letter is a variant or a constant.
pub(crate) fn bound(pattern: &Pat) -> Vec<&syn::PatIdent> {
    struct Names<'p>(Vec<&'p syn::PatIdent>);
    impl<'p> Visit<'p> for Names<'p> {
        fn visit_pat_ident(&mut self, pat: &'p syn::PatIdent) {
            let plain = pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none();
            let capital = pat.ident.to_string().starts_with(|letter: char| letter.is_uppercase());
            if !(plain && capital) {
                self.0.push(pat);
            }
            visit::visit_pat_ident(self, pat);
        }
        fn visit_expr(&mut self, _: &'p Expr) {}
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    names.0
}

/// Whether a method leaves what it is called on as it was. Those of numbers do, which are copied.
pub(crate) fn borrows(call: &syn::ExprMethodCall) -> bool {
    const PREFIXES: [&str; 3] = ["as_", "is_", "to_"];
    let name = call.method.to_string();
    BORROWING.contains(&name.as_str())
        || copies(call)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix) && !name.ends_with("_mut"))
}

/// Whether a method is one of numbers, which are copied.
pub(crate) fn copies(call: &syn::ExprMethodCall) -> bool {
    const PREFIXES: [&str; 5] = ["checked_", "overflowing_", "rem_", "saturating_", "wrapping_"];
    const METHODS: [&str; 6] = ["abs", "abs_diff", "div_ceil", "isqrt", "pow", "signum"];
    let name = call.method.to_string();
    METHODS.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a method takes what it is called on as a whole, and so cannot change it.
fn consumes(call: &syn::ExprMethodCall) -> bool {
    const CONSUMING: [&str; 19] = [
        "and_then",
        "collect",
        "count",
        "err",
        "expect",
        "filter",
        "map",
        "map_err",
        "map_or",
        "max",
        "min",
        "ok",
        "ok_or",
        "ok_or_else",
        "sum",
        "unwrap",
        "unwrap_or",
        "unwrap_or_default",
        "unwrap_or_else",
    ];
    let name = call.method.to_string();
    name.starts_with("into_") || CONSUMING.contains(&name.as_str())
}

/// The variable at the root of a place: `a` of `a.b[i].c`.
pub(crate) fn root(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Group(group) => root(&group.expr),
        _ => None,
    }
}

struct Finder<'s> {
    scope: &'s Scope,
    /// Names that the glue itself declares, innermost block last.
    shadows: Vec<HashSet<String>>,
    uses: Vec<Use>,
}

impl Finder<'_> {
    fn touch(&mut self, ident: &Ident, kind: impl FnOnce(super::scope::Binding) -> UseKind) {
        let name = ident.to_string();
        if self.shadows.iter().any(|frame| frame.contains(&name)) {
            return;
        }
        if let Some(binding) = self.scope.find(&name) {
            self.uses.push(Use { variable: binding.variable, kind: kind(binding), ident: ident.clone() });
        }
    }

    /// A place that is read without being moved, or anything else.
    fn borrowed(&mut self, expr: &Expr) {
        match expr {
            Expr::Index(index) => {
                self.borrowed(&index.expr);
                self.visit_expr(&index.index);
            }
            _ => match root(expr) {
                Some(ident) => self.touch(&ident.clone(), |_| UseKind::Borrow),
                None => self.visit_expr(expr),
            },
        }
    }

    /// A place that is written, or whatever stands left of an assignment.
    fn written(&mut self, expr: &Expr) {
        match expr {
            Expr::Index(index) => {
                self.written(&index.expr);
                self.visit_expr(&index.index);
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => self.written(&unary.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.written(element)),
            _ => match root(expr) {
                Some(ident) => self.touch(&ident.clone(), |_| UseKind::Write),
                None => self.visit_expr(expr),
            },
        }
    }

    fn declare(&mut self, pattern: &Pat) {
        let names: Vec<String> = bound(pattern).iter().map(|pat| pat.ident.to_string()).collect();
        if let Some(frame) = self.shadows.last_mut() {
            frame.extend(names);
        }
    }

    fn within(&mut self, body: impl FnOnce(&mut Self)) {
        self.shadows.push(HashSet::new());
        body(self);
        self.shadows.pop();
    }

    /// `{name}` and `{name:?}` and `{:width$}` in a format string.
    fn captures(&mut self, text: &syn::LitStr) {
        for part in text.value().replace("{{", "").split('{').skip(1) {
            let inside = part.split('}').next().unwrap_or_default();
            let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
            let widths = format.split(['.', '>', '<', '^', '0']).filter_map(|piece| piece.split_once('$'));
            for name in std::iter::once(name).chain(widths.map(|(name, _)| name)) {
                if syn::parse_str::<Ident>(name).is_ok() {
                    self.touch(&Ident::new(name, text.span()), |_| UseKind::Borrow);
                }
            }
        }
    }

    /// A macro that is not known: every name that occurs in it may be touched in any way.
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.touch(&ident, super::scope::Binding::unknown_touch),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.captures(&text);
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let (None, Some(ident)) = (&path.qself, path.path.get_ident()) {
            self.touch(ident, |_| UseKind::Move);
        }
    }

    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        if reference.mutability.is_some() {
            self.written(&reference.expr);
        } else {
            self.borrowed(&reference.expr);
        }
    }

    fn visit_expr_index(&mut self, index: &'ast syn::ExprIndex) {
        self.borrowed(&index.expr);
        self.visit_expr(&index.index);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        match root(&call.receiver) {
            Some(_) if borrows(call) => self.borrowed(&call.receiver),
            Some(ident) if consumes(call) => self.touch(ident, |_| UseKind::Move),
            Some(ident) => self.touch(ident, super::scope::Binding::unknown_touch),
            None => self.visit_expr(&call.receiver),
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        self.visit_expr(&assign.right);
        self.written(&assign.left);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        use BinOp::{
            AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, Eq, Ge, Gt, Le, Lt, MulAssign, Ne,
            RemAssign, ShlAssign, ShrAssign, SubAssign,
        };
        match binary.op {
            Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_) => {
                self.borrowed(&binary.left);
                self.borrowed(&binary.right);
            }
            AddAssign(_) | SubAssign(_) | MulAssign(_) | DivAssign(_) | RemAssign(_) | BitXorAssign(_)
            | BitAndAssign(_) | BitOrAssign(_) | ShlAssign(_) | ShrAssign(_) => {
                self.visit_expr(&binary.right);
                self.written(&binary.left);
            }
            _ => visit::visit_expr_binary(self, binary),
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.within(|finder| {
            closure.inputs.iter().for_each(|input| finder.declare(input));
            finder.visit_expr(&closure.body);
        });
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.within(|finder| visit::visit_block(finder, block));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.declare(&local.pat);
    }

    fn visit_expr_match(&mut self, matching: &'ast syn::ExprMatch) {
        self.visit_expr(&matching.expr);
        for arm in &matching.arms {
            self.within(|finder| {
                finder.declare(&arm.pat);
                finder.visit_pat(&arm.pat);
                finder.visit_expr(&arm.body);
            });
        }
    }

    fn visit_expr_if(&mut self, conditional: &'ast syn::ExprIf) {
        self.within(|finder| {
            finder.visit_expr(&conditional.cond);
            finder.visit_block(&conditional.then_branch);
        });
        if let Some((_, otherwise)) = &conditional.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, looping: &'ast syn::ExprWhile) {
        self.within(|finder| {
            finder.visit_expr(&looping.cond);
            finder.visit_block(&looping.body);
        });
    }

    fn visit_expr_let(&mut self, condition: &'ast syn::ExprLet) {
        self.visit_expr(&condition.expr);
        self.declare(&condition.pat);
    }

    fn visit_expr_for_loop(&mut self, looping: &'ast syn::ExprForLoop) {
        self.visit_expr(&looping.expr);
        self.within(|finder| {
            finder.declare(&looping.pat);
            finder.visit_block(&looping.body);
        });
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if !matches!(statement, Stmt::Item(_)) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let borrowing = arguments::borrows(call);
        match Arguments::of(call) {
            Some(Arguments::Matches(value, pattern, guard)) => {
                self.borrowed(&value);
                self.within(|finder| {
                    finder.declare(&pattern);
                    if let Some(guard) = &guard {
                        finder.visit_expr(guard);
                    }
                });
            }
            Some(mut list) => {
                let format = arguments::format_position(call);
                let writes = arguments::name(call).starts_with("write");
                for (index, value) in list.values_mut().into_iter().enumerate() {
                    match value {
                        Expr::Lit(literal) if Some(index) == format => {
                            if let Lit::Str(text) = &literal.lit {
                                self.captures(text);
                            }
                        }
                        _ if index == 0 && writes => self.written(value),
                        _ if borrowing => self.borrowed(value),
                        _ => self.visit_expr(value),
                    }
                }
            }
            None => self.tokens(call.tokens.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::VarId;
    use super::super::scope::Binding;
    use super::*;

    fn touched(text: &str) -> String {
        let mut scope = Scope::new();
        for (index, name) in ["a", "b", "c"].iter().enumerate() {
            let binding = Binding { variable: VarId(index), mutable: *name == "c" };
            scope.declare((*name).to_owned(), binding);
        }
        let expr: Expr = syn::parse_str(text).unwrap();
        let uses = of(&expr, &scope);
        uses.iter().map(|u| format!("{:?} {}", u.kind, u.ident)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn reads_moves_and_writes_are_told_apart() {
        assert_eq!(touched("f(a, &b)"), "Move a, Borrow b");
        assert_eq!(touched("a.text.clone()"), "Borrow a");
        assert_eq!(touched("a.into_text()"), "Move a");
        assert_eq!(touched("c.push(a.len())"), "Write c, Borrow a");
        assert_eq!(touched("c.len()"), "Borrow c");
        assert_eq!(touched("c.x += a"), "Move a, Write c");
        assert_eq!(touched("g(&mut c)"), "Write c");
        assert_eq!(touched("a.x == b"), "Borrow a, Borrow b");
        assert_eq!(touched("S { a, x: b }"), "Move a, Move b");
    }

    #[test]
    fn names_that_the_glue_declares_are_not_the_workflows() {
        assert_eq!(touched("|a| a + b"), "Move b");
        assert_eq!(touched("{ let a = b; a }"), "Move b");
        assert_eq!(touched("match a { b => b }"), "Move a");
        assert_eq!(touched("if let Some(b) = a { b } else { c }"), "Move a, Move c");
        assert_eq!(touched("{ for a in b.iter() { f(a) } }"), "Borrow b");
    }

    #[test]
    fn macros_are_read_where_they_are_known_and_feared_where_not() {
        assert_eq!(touched("format!(\"{a} {{b}} {:>1$}\", c)"), "Borrow a, Borrow c");
        assert_eq!(touched("format!(\"{x:?}\", x = b)"), "Borrow b");
        assert_eq!(touched("vec![a; b]"), "Move a, Move b");
        assert_eq!(touched("matches!(a, Some(b) if b > c)"), "Borrow a, Borrow c");
        assert_eq!(touched("json!({ \"x\": a, \"y\": [c] })"), "Move a, Write c");
        assert_eq!(touched("info!(\"{b}\")"), "Borrow b");
    }
}
