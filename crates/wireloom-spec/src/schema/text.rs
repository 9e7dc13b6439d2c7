//! Keywords that are texts with a meaning: `$ref`, `pattern`, `format`.

use serde_json::Value;

use super::draft::Draft;
use super::expand::Expander;
use super::raw::{IntFormat, Type};
use crate::codes;
use crate::diagnostic::Report;
use crate::model::{FORMATS, Span};
use crate::shape::advice;
use crate::suggest;
use crate::syntax::{Data, Entry};

impl Expander<'_> {
    pub(super) fn text(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::String(text) = &entry.value.data else {
            self.wrong_type(&entry.value, "a string", advice::text(&entry.value));
            return None;
        };
        match name {
            "description" => draft.docs.description = Some(text.clone()),
            "$ref" => return self.reference(text, entry.value.span, draft),
            "pattern" => {
                self.pattern(text, entry.value.span)?;
                draft.keywords.string.pattern = Some(text.clone());
            }
            "format" => self.format(text, entry.value.span, draft)?,
            _ => {}
        }
        Some(text.as_str().into())
    }

    pub(super) fn pattern(&mut self, pattern: &str, span: Span) -> Option<()> {
        let Some(fault) = self.patterns.fault(pattern) else {
            return Some(());
        };
        let report = Report::new(
            &codes::PATTERN,
            span,
            format!("the pattern cannot be used: {}", fault.reason),
        )
        .help(fault.help);
        self.sink.push(report);
        None
    }

    fn reference(&mut self, target: &str, span: Span, draft: &mut Draft<'_>) -> Option<Value> {
        let report = |message: String| Report::new(&codes::REF, span, message);
        let name = target
            .strip_prefix("#/types/")
            .map(|name| name.replace("~1", "/").replace("~0", "~"));
        let report = match name {
            Some(name) if self.types.contains(&name) => {
                draft.keywords.reference = Some((name.clone(), span));
                return Some(format!("#/$defs/{name}").into());
            }
            Some(name) if name.contains('/') => report(format!("`{target}` leads into the middle of a type"))
                .help("give the inner schema a name of its own under `types`"),
            Some(name) => report(format!("there is no type `{name}`")).maybe_help(
                suggest::nearest(&name, self.types.iter().map(String::as_str))
                    .map(|near| format!("did you mean `#/types/{near}`?")),
            ),
            None => {
                let last = target.rsplit('/').next().unwrap_or_default();
                let help = if self.types.contains(last) {
                    format!("write `$ref: \"#/types/{last}\"`")
                } else {
                    "write `$ref: \"#/types/NAME\"` with a name under `types`".to_owned()
                };
                report(format!("`{target}` is not a type of this file")).help(help)
            }
        };
        self.sink.push(report);
        None
    }

    fn format(&mut self, format: &str, span: Span, draft: &mut Draft<'_>) -> Option<()> {
        let types = draft.keywords.types.as_deref();
        if draft.keywords.int_format.is_some() {
            if types.is_some_and(|types| types.contains(&Type::Integer) && !types.contains(&Type::String)) {
                return Some(());
            }
            draft.keywords.int_format = None;
            let report = Report::new(
                &codes::FORMAT,
                span,
                format!("the format `{format}` is one of integers"),
            )
            .help("write it beside `type: integer`");
            self.sink.push(report);
            return None;
        }
        if FORMATS.contains(&format) {
            draft.keywords.string.format = Some(format.to_owned());
            return Some(());
        }
        let names: Vec<_> = FORMATS
            .into_iter()
            .chain(IntFormat::ALL.map(|(name, _)| name))
            .collect();
        let report = Report::new(&codes::FORMAT, span, format!("unknown format `{format}`"))
            .help(suggest::one_of(format, &names));
        self.sink.push(report);
        None
    }
}
