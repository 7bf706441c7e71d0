//! Programs as source text.

use std::fmt::{self, Display, Write};

use crate::program::Program;
use crate::syntax::{Block, Expr, Stage, Statement, encloses};

impl Display for Program {
    /// The workflow with its attribute.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<_> =
            self.parameters.iter().map(|(name, ty)| format!("{name}: {}", ty.rust())).collect();
        writeln!(f, "#[caribou::workflow]")?;
        let (name, result) = (&self.name, self.result.rust());
        write!(f, "pub async fn {name}({}) -> Result<{result}> ", parameters.join(", "))?;
        let mut writer = Writer::default();
        writer.block(&self.body);
        f.write_str(&writer.text)
    }
}

#[derive(Default)]
struct Writer {
    text: String,
    indent: usize,
}

impl Writer {
    fn line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"    ".repeat(self.indent));
    }

    fn block(&mut self, block: &Block) {
        self.text.push('{');
        self.indent += 1;
        for statement in &block.statements {
            self.line();
            self.statement(statement);
        }
        if let Some(end) = &block.end {
            self.line();
            self.expr(end);
        }
        self.indent -= 1;
        self.line();
        self.text.push('}');
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Let { pattern, value, otherwise } => {
                let _ = write!(self.text, "let {pattern} = ");
                match otherwise {
                    Some(block) => {
                        self.scrutinee(value);
                        self.text.push_str(" else ");
                        self.block(block);
                    }
                    None => self.expr(value),
                }
            }
            Statement::Expr(expr) => self.expr(expr),
        }
        if !statement.is_closed() {
            self.text.push(';');
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Glue(text, operands) => self.glue(text, operands),
            Expr::Stage(stage) => self.stage(stage),
            Expr::Map { items, pattern, stage } => {
                self.text.push_str("caribou::map(");
                self.expr(items);
                let _ = write!(self.text, ", |{pattern}| ");
                self.call(stage);
                self.text.push_str(if stage.question { ").await?" } else { ").await" });
            }
            Expr::Join { or_fail, stages } => {
                self.text.push_str(if *or_fail { "tokio::try_join!(" } else { "tokio::join!(" });
                self.list(stages, Self::call);
                self.text.push_str(if *or_fail { ")?" } else { ")" });
            }
            Expr::If { condition, then, otherwise } => {
                self.text.push_str("if ");
                self.scrutinee(condition);
                self.text.push(' ');
                self.block(then);
                if let Some(block) = otherwise {
                    self.text.push_str(" else ");
                    match block.only() {
                        Some(next @ Expr::If { .. }) => self.expr(next),
                        _ => self.block(block),
                    }
                }
            }
            Expr::Match { value, arms } => {
                self.text.push_str("match ");
                self.scrutinee(value);
                self.text.push_str(" {");
                self.indent += 1;
                for arm in arms {
                    self.line();
                    self.text.push_str(&arm.pattern);
                    if let Some(guard) = &arm.guard {
                        self.text.push_str(" if ");
                        self.scrutinee(guard);
                    }
                    self.text.push_str(" => ");
                    match arm.body.only() {
                        Some(value) if !value.is_branch() => {
                            self.expr(value);
                            self.text.push(',');
                        }
                        _ => self.block(&arm.body),
                    }
                }
                self.indent -= 1;
                self.line();
                self.text.push('}');
            }
            Expr::Block(block) => self.block(block),
        }
    }

    /// Glue with its operands, in parentheses where the grammar wants them.
    fn glue(&mut self, text: &str, operands: &[Expr]) {
        let mut parts = text.split('$');
        self.text.push_str(parts.next().unwrap_or_default());
        for (operand, after) in operands.iter().zip(parts) {
            if operand.is_branch() && encloses(after) {
                self.enclosed(operand);
            } else {
                self.expr(operand);
            }
            self.text.push_str(after);
        }
    }

    fn enclosed(&mut self, expr: &Expr) {
        self.text.push('(');
        self.expr(expr);
        self.text.push(')');
    }

    /// An expression before a block: no struct literal may stand there, nor another block.
    fn scrutinee(&mut self, expr: &Expr) {
        if let Expr::Glue(text, operands) = expr
            && text.starts_with("let ")
        {
            let (pattern, rest) = text.split_once('$').unwrap_or((text, ""));
            self.text.push_str(pattern);
            let mut operands = operands.iter();
            operands.next().into_iter().for_each(|value| self.scrutinee(value));
            if !rest.is_empty() {
                self.text.push_str(" && ");
                operands.next().into_iter().for_each(|value| self.scrutinee(value));
            }
            return;
        }
        let mut alone = Self { text: String::new(), indent: self.indent };
        alone.expr(expr);
        if alone.text.contains('{') {
            self.enclosed(expr);
        } else {
            self.text.push_str(&alone.text);
        }
    }

    fn stage(&mut self, stage: &Stage) {
        self.call(stage);
        self.text.push_str(if stage.question { ".await?" } else { ".await" });
    }

    fn call(&mut self, stage: &Stage) {
        let _ = write!(self.text, "{}(", stage.function);
        self.list(&stage.arguments, Self::expr);
        self.text.push(')');
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            write(self, item);
        }
    }
}
