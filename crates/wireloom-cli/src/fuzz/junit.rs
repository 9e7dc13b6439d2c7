//! Results as [JUnit XML](https://github.com/testmoapp/junitxml), which build servers show: a case for each message of a
//! client, and one for each finding.

use std::fmt::Write;

use super::report;
use super::summary::Summary;

/// The document.
pub(super) fn document(summary: &Summary<'_>) -> String {
    let reports = summary.reports;
    let about = |name: &str| {
        let same = |report: &&_| -> bool {
            let report: &wireloom_fuzz::live::Report = report;
            report.finding.key.message.as_deref() == Some(name)
        };
        reports.iter().any(|report| same(&report))
    };
    let sound: Vec<&str> = summary.requests().filter(|name| !about(name)).collect();
    let seconds = summary.elapsed.as_secs_f64();
    let (tests, failures) = (sound.len() + reports.len(), reports.len());
    let suite = escaped(&format!("wireloom fuzz {}", summary.protocol));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _written = writeln!(
        xml,
        "<testsuites name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{seconds:.3}\">\n  \
         <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{seconds:.3}\">\n    \
         <properties><property name=\"seed\" value=\"{}\"/><property name=\"url\" value=\"{}\"/></properties>",
        summary.seed,
        escaped(&summary.url)
    );
    for name in sound {
        let _written = writeln!(
            xml,
            "    <testcase classname=\"{suite}\" name=\"{}\"/>",
            escaped(name)
        );
    }
    for report in reports {
        let finding = &report.finding;
        let _written = writeln!(
            xml,
            "    <testcase classname=\"{suite}\" name=\"{}\">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    \
             </testcase>",
            escaped(&finding.key.to_string()),
            finding.key.kind,
            escaped(&finding.text),
            escaped(&report::seen(finding))
        );
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text that may stand anywhere in XML; what no XML holds is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_no_xml_holds_is_replaced() {
        assert_eq!(
            super::escaped("<a b=\"&\">\u{0}\u{1b}\n"),
            "&lt;a b=&quot;&amp;&quot;&gt;\u{fffd}\u{fffd}\n"
        );
    }
}
