//! What a person is told about a file: a code, a place, a sentence and how to mend it. Rendering is [`crate::render`].

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::codes::{self, Code};
use crate::model::Span;
use crate::source::Source;

/// How bad it is. A file with an error has no [`crate::Model`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but does probably not say what was meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a file. Lines and columns count from 1; columns count characters, spans count bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it was named to [`crate::check`].
    pub file: String,
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
    /// Bytes of the place, all on one line.
    pub span: Span,
}

/// Another place that explains a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there.
    pub message: String,
}

/// One thing that is wrong, or probably wrong, with a file.
///
/// Its [`Display`](fmt::Display) form is three lines at most, for logs and build scripts:
///
/// ```text
/// error[W004]: reply "agent:startd" is not a message
///  --> protocol.yaml:31:12
///  = help: did you mean "agent:started"?
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code, for example `W004`; [`crate::codes::find`] explains it.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a fragment in lower case without a full stop.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What stands under the caret; may be empty.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Other places that explain it.
    pub related: Vec<Related>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            file, line, column, ..
        } = &self.place;
        write!(
            f,
            "{}[{}]: {}\n --> {file}:{line}:{column}",
            self.severity.as_str(),
            self.code,
            self.message
        )?;
        match &self.help {
            Some(help) => write!(f, "\n = help: {help}"),
            None => Ok(()),
        }
    }
}

/// A diagnostic in the making: places are bytes still.
#[derive(Debug)]
pub(crate) struct Report {
    code: &'static Code,
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
    related: Vec<(Span, String)>,
}

impl Report {
    pub(crate) fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            span,
            message: message.into(),
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub(crate) fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push((span, message.into()));
        self
    }
}

/// More errors than this are counted, not listed; and so are more warnings.
const MOST: usize = 1_000;

/// Collects the reports of one run.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    reports: Vec<Report>,
    errors: usize,
    warnings: usize,
}

impl Sink {
    pub(crate) fn push(&mut self, report: Report) {
        let count = match report.code.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MOST {
            self.reports.push(report);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// All diagnostics in the order of the file.
    pub(crate) fn finish(mut self, source: &Source<'_>) -> Vec<Diagnostic> {
        self.reports
            .sort_by_key(|report| (report.span.start, report.code.id));
        let dropped = self.errors.saturating_sub(MOST) + self.warnings.saturating_sub(MOST);
        if dropped > 0 {
            let end = Span {
                start: source.text.len(),
                end: source.text.len(),
            };
            self.reports.push(Report::new(
                &codes::MORE,
                end,
                format!("{dropped} more diagnostics are not shown"),
            ));
        }
        self.reports
            .into_iter()
            .map(|report| place(report, source))
            .collect()
    }
}

fn place(report: Report, source: &Source<'_>) -> Diagnostic {
    Diagnostic {
        code: report.code.id,
        severity: report.code.severity,
        message: report.message,
        place: at(report.span, source),
        label: report.label,
        help: report.help.or_else(|| report.code.help.map(str::to_owned)),
        related: report
            .related
            .into_iter()
            .map(|(span, message)| Related {
                place: at(span, source),
                message,
            })
            .collect(),
    }
}

/// The place of a span, cut to its first line.
pub(crate) fn at(span: Span, source: &Source<'_>) -> Place {
    let span = source.first_line(span);
    let position = source.position(span.start);
    Place {
        file: source.file.to_owned(),
        line: position.line,
        column: position.column,
        span,
    }
}
