//! Flags and variables, without a server.

use std::fs;

use wireloom::{Admission, Peer, Secret};
use wireloom_server::agent::BackendSettings;
use wireloom_server::settings::Cli;

fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
    Cli::read(
        std::iter::once("wireloom-server")
            .chain(args.iter().copied())
            .map(Into::into),
    )
}

fn admission(cli: &Cli) -> Admission {
    let mut admission = Admission::default();
    cli.access.apply(&mut admission);
    admission
}

#[test]
fn without_flags_the_limits_are_the_documented_ones() {
    let cli = parse(&[]).unwrap();
    assert!(cli.access.authenticator().unwrap().is_none());
    assert!(cli.access.tls().unwrap().is_none());
    assert_eq!(admission(&cli), Admission::default());
}

#[test]
fn flags_change_the_limits() {
    let cli = parse(&[
        "--allow-anonymous",
        "--authenticate-seconds=3",
        "--connections-per-address=7",
        "--handshakes-per-address=0",
        "--messages-per-address=2.5",
        "--messages-per-identity=10",
        "--trusted-proxies=10.0.0.0/8,fd00::1",
    ])
    .unwrap();
    let admission = admission(&cli);
    assert!(admission.anonymous);
    assert_eq!(admission.authenticate_timeout.as_secs(), 3);
    assert_eq!(admission.connections_per_address, 7);
    assert_eq!(admission.handshakes_per_address, None);
    assert_eq!(admission.messages_per_address.map(|rate| rate.burst), Some(5));
    assert_eq!(admission.messages_per_identity.map(|rate| rate.burst), Some(20));
    let proxies: Vec<_> = admission
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "fd00::1/128"]);
}

#[test]
fn flags_that_ask_for_nothing_that_can_be_are_refused() {
    for (flag, said) in [
        ("--origin=example.com", "expected an origin"),
        ("--origin=https://example.com/page", "expected an origin"),
        ("--origin=https://me@example.com", "expected an origin"),
        ("--max-connections=0", "non-zero"),
        ("--max-sessions=0", "non-zero"),
        ("--durability=machine", "--state-dir"),
        ("--backend=command", "--command"),
    ] {
        let refused = parse(&[flag]).unwrap_err().to_string();
        assert!(refused.contains(said), "{flag}: {refused}");
    }
    for origin in [
        "*",
        "null",
        "https://example.com",
        "http://[::1]:8080",
        "app://desktop",
    ] {
        assert_eq!(parse(&["--origin", origin]).unwrap().connection.origins, [origin]);
    }
}

#[test]
fn a_command_is_run_unless_echo_is_asked_for() {
    let is_command = |args: &[&str]| {
        let settings = parse(args).unwrap().agent.settings();
        matches!(settings.backend, BackendSettings::Command(_))
    };
    assert!(is_command(&["--command=cat"]));
    assert!(is_command(&["--command=cat", "--backend=command"]));
    assert!(!is_command(&["--command=cat", "--backend=echo"]));
    assert!(!is_command(&[]));
}

#[test]
fn only_loopback_is_open_to_everyone() {
    for (host, authenticates, more, allowed) in [
        ("127.0.0.1", false, &[][..], true),
        ("::1", false, &[], true),
        ("0.0.0.0", false, &[], false),
        ("::", false, &[], false),
        ("192.0.2.1", false, &[], false),
        ("192.0.2.1", true, &[], true),
        ("0.0.0.0", false, &["--allow-anonymous"], true),
    ] {
        let host = format!("--host={host}");
        let cli = parse(&[&[host.as_str()], more].concat()).unwrap();
        let checked = cli.access.check_host(cli.host, authenticates);
        assert_eq!(checked.is_ok(), allowed, "{host}");
        if let Err(error) = checked {
            assert!(error.to_string().contains("--allow-anonymous"), "{error}");
        }
    }
}

#[tokio::test]
async fn tokens_come_from_a_file_or_a_variable() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens");
    fs::write(&file, "# team\nalice-s3cret-token-0001 alice admin\n").unwrap();
    let from_file = format!("--tokens-file={}", file.display());
    for args in [
        &[from_file.as_str()][..],
        &["--tokens=alice-s3cret-token-0001 alice admin; bob-s3cret-token-000002 bob"],
    ] {
        let cli = parse(args).unwrap();
        let authenticator = cli.access.authenticator().unwrap().unwrap();
        let token = Secret::from("alice-s3cret-token-0001");
        let identity = authenticator
            .authenticate(&token, &Peer::default())
            .await
            .unwrap();
        assert_eq!(identity.subject, "alice");
        assert!(!format!("{cli:?}").contains("s3cret"));
    }
}

/// Of Ann, until 2100, for `agents`; signed with [`SECRET`].
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDAsImF1ZCI6ImFnZW50cyIsInJvbGVzIjpbImFkbWluIl19.NO1CVy_yb1gvTJm_PEQcXrEPDozVEzRW5Zm2VxBXpc0";

const SECRET: &str = "a secret of the tests of the program";

#[tokio::test]
async fn json_web_tokens_are_checked_as_the_flags_say() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let key = format!("--jwt-key=HS256:main={}", file.display());
    let nameless = format!("--jwt-key=HS256={}", file.display());
    let judge = async |args: &[&str]| {
        let authenticator = parse(args).unwrap().access.authenticator().unwrap().unwrap();
        authenticator
            .authenticate(&Secret::from(JWT), &Peer::default())
            .await
    };
    let identity = judge(&[&nameless, "--jwt-audience=agents", "--jwt-scopes-claim=roles"])
        .await
        .unwrap();
    assert_eq!(identity.subject, "ann");
    assert!(identity.scopes.contains("admin"));
    for args in [
        &[key.as_str()][..],
        &[nameless.as_str(), "--jwt-audience=others"],
        &[nameless.as_str(), "--jwt-issuer=https://id.example"],
    ] {
        assert!(judge(args).await.is_err(), "{args:?}");
    }
}

#[test]
fn what_is_wrong_is_said_without_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "s3cret").unwrap();
    let path = secret.display();
    for args in [
        vec![format!("--tokens-file={path}")],
        vec!["--tokens=s3cret alice".to_owned()],
        vec![format!("--tokens-file={path}.none")],
        vec![format!("--jwt-key=HS256={path}")],
        vec![format!("--jwt-key=EdDSA:a={path}")],
        vec![format!("--jwt-key=RS256={path}.none")],
    ] {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let error = parse(&args)
            .unwrap()
            .access
            .authenticator()
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(
            !error.contains("s3cret alice") && !error.ends_with("s3cret"),
            "{error}"
        );
    }
    let tls = [format!("--tls-cert={path}"), format!("--tls-key={path}")];
    let tls: Vec<_> = tls.iter().map(String::as_str).collect();
    assert!(parse(&tls).unwrap().access.tls().is_err());
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for args in [
        &["--tokens-file=a", "--tokens=b"][..],
        &["--tokens-file=a", "--jwt-key=HS256=b"],
        &["--tokens=a", "--jwt-key=HS256=b"],
        &["--jwt-audience=a"],
        &["--jwt-issuer=a"],
        &["--jwt-key=none=a"],
        &["--jwt-key=HS512=a"],
        &["--jwt-key=HS256"],
        &["--jwt-key=HS256=a", "--jwt-leeway-seconds=301"],
        &["--tls-cert=a"],
        &["--tls-key=a"],
        &["--trusted-proxies=nginx"],
        &["--handshakes-per-address=-1"],
    ] {
        assert!(parse(args).is_err(), "{args:?}");
    }
}

#[test]
fn the_explorer_is_asked_for_or_left_to_the_address() {
    for (args, asked) in [
        (&[][..], None),
        (&["--explorer"], Some(true)),
        (&["--explorer=true"], Some(true)),
        (&["--explorer=false"], Some(false)),
    ] {
        assert_eq!(parse(args).unwrap().explorer, asked, "{args:?}");
    }
}

#[test]
fn flags_change_how_long_sessions_wait_and_what_they_keep() {
    let cli = parse(&[
        "--resume-seconds=7",
        "--resume-messages=8",
        "--resume-bytes=9",
        "--parked-sessions=10",
        "--parked-bytes=11",
    ])
    .unwrap();
    let agents = wireloom_server::agent::AgentService::new(cli.agent.settings()).unwrap();
    let app = wireloom_server::app::app(agents, |settings| cli.resume.apply(settings));
    let settings = app.engine.settings();
    assert_eq!(settings.resume_window.as_secs(), 7);
    assert_eq!(settings.resume_messages, 8);
    assert_eq!(settings.resume_bytes, 9);
    assert_eq!(settings.parked_sessions, 10);
    assert_eq!(settings.parked_bytes, 11);
    assert!(cli.resume.store().unwrap().is_none());
    assert!(parse(&["--durability=sometimes"]).is_err());
}
