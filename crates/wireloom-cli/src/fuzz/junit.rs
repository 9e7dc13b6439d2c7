//! Results as [JUnit XML](https://github.com/testmoapp/junitxml), which build servers show: a case for each message of a
//! client, and one for each finding.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::report::seen;
use super::summary::Summary;

/// The document. What no XML may hold is left out of it.
pub(super) fn document(summary: &Summary<'_>) -> Result<String, SerializeError> {
    let name = format!("wireloom fuzz {}", summary.protocol);
    let case = |what: &str, status| {
        let mut case = TestCase::new(what, status);
        case.set_classname(name.as_str());
        case
    };
    let mut suite = TestSuite::new(name.as_str());
    suite
        .set_time(summary.elapsed)
        .add_property(("seed", summary.seed.to_string().as_str()))
        .add_property(("url", summary.url.as_str()));
    for message in summary.requests() {
        let of_it =
            |report: &wireloom_fuzz::live::Report| report.finding.key.message.as_deref() == Some(message);
        if !summary.reports.iter().any(of_it) {
            suite.add_test_case(case(message, TestCaseStatus::success()));
        }
    }
    for report in summary.reports {
        let finding = &report.finding;
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_type(finding.key.kind.to_string())
            .set_message(finding.text.as_str())
            .set_description(seen(finding));
        suite.add_test_case(case(&finding.key.to_string(), status));
    }
    Report::new(name.as_str())
        .set_time(summary.elapsed)
        .add_test_suite(suite)
        .to_string()
}
