//! Type expressions: `string`, `SessionId?`, `map<integer[]>`.

/// The names that need no definition.
pub(crate) const BUILT_IN: [&str; 7] = ["string", "integer", "number", "boolean", "null", "any", "map"];

/// Deepest nesting of brackets and suffixes.
pub(crate) const MAX_DEPTH: usize = 32;

/// A type expression as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TypeExpr {
    /// A built-in or defined name, and the byte where it begins.
    Name(String, usize),
    /// `T[]`
    List(Box<Self>),
    /// `T?`
    Nullable(Box<Self>),
    /// `map<T>`
    Map(Box<Self>),
}

/// Why a text is no type expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooDeep,
    Unexpected { at: usize, what: String },
}

pub(crate) fn parse(text: &str) -> Result<TypeExpr, Fault> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let expr = parser.expr()?;
    parser.blanks();
    if parser.at < text.len() {
        Err(parser.unexpected("the end"))
    } else {
        Ok(expr)
    }
}

/// Whether a text reads as a type, whatever its names mean.
pub(crate) fn is_type_expression(text: &str) -> bool {
    parse(text).is_ok()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn expr(&mut self) -> Result<TypeExpr, Fault> {
        self.blanks();
        let start = self.at;
        let name: String = self
            .rest()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() {
            return Err(self.unexpected("a type"));
        }
        self.at += name.len();
        let mut expr = if name == "map" {
            self.token("<")?;
            self.deeper()?;
            let values = self.expr()?;
            self.token(">")?;
            TypeExpr::Map(Box::new(values))
        } else {
            TypeExpr::Name(name, start)
        };
        loop {
            if self.eat("[") {
                self.token("]")?;
                expr = TypeExpr::List(Box::new(expr));
            } else if self.eat("?") {
                expr = TypeExpr::Nullable(Box::new(expr));
            } else {
                return Ok(expr);
            }
            self.deeper()?;
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            Err(Fault::TooDeep)
        } else {
            Ok(())
        }
    }

    fn token(&mut self, token: &str) -> Result<(), Fault> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{token}`")))
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let what = match self.rest().chars().next() {
            Some(found) => format!("expected {expected}, found `{}`", found.escape_default()),
            None => format!("expected {expected}, found the end"),
        };
        Fault::Unexpected { at: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, TypeExpr, parse};

    #[test]
    fn suffixes_apply_from_left_to_right() {
        let name = Box::new(TypeExpr::Name("T".to_owned(), 0));
        let nullable = Box::new(TypeExpr::Nullable(name));
        assert_eq!(parse("T?[]"), Ok(TypeExpr::List(nullable)));
        let inner = Box::new(TypeExpr::Name("T".to_owned(), 5));
        assert_eq!(parse("map< T >"), Ok(TypeExpr::Map(inner)));
    }

    #[test]
    fn faults_know_their_place() {
        let unexpected = |at, what: &str| {
            Err(Fault::Unexpected {
                at,
                what: what.to_owned(),
            })
        };
        assert_eq!(parse("map<string"), unexpected(10, "expected `>`, found the end"));
        assert_eq!(parse("string]"), unexpected(6, "expected the end, found `]`"));
        assert_eq!(parse(""), unexpected(0, "expected a type, found the end"));
        assert_eq!(parse("é"), unexpected(0, "expected a type, found `\\u{e9}`"));
        assert_eq!(parse(&"map<".repeat(1_000_000)), Err(Fault::TooDeep));
    }
}
