//! Any text as frames of a client: whatever they are, the engine answers as its protocol says.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use wireloom::{Ctx, Engine, Items, on, stream};
use wireloom_fuzz::Fuzzer;

use crate::p_envelope::{
    Answer, Ask, AskError, Broken, Count, CountError, Done, Echo, EchoError, Enter, EnterError, Handlers,
    Item, Leave, LeaveError, Note, NoteError, Nothing, NothingError, Slow, SlowError,
};
use crate::{Protocol, strictly};

/// Stands between the frames of an input: no JSON has it.
const BETWEEN: char = '\u{1e}';
/// Most frames of an input.
const FRAMES: usize = 16;
/// Levels that a message may nest.
const DEPTH: u32 = 32;
/// Most characters of a correlation id.
const ID: usize = 128;

/// An engine, and what may be said of its answers.
struct World {
    runtime: Runtime,
    engine: Engine<()>,
    fuzzer: Fuzzer,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

async fn ask(cx: Ctx<()>, ask: Ask) -> Result<Answer, AskError> {
    match ask.n {
        -9 => Err(AskError::refused()),
        -8 => Err(std::io::Error::other("hidden").into()),
        n => {
            // A client that is gone needs no echo.
            let _gone = cx.send(Echo("before".to_owned()));
            tokio::task::yield_now().await;
            Ok(Answer { n: n * 2 })
        }
    }
}

async fn count(_: Ctx<()>, count: Count, mut out: Items<Item>) -> Result<Done, CountError> {
    for n in 0..i64::try_from(count.to).unwrap_or_default() {
        out.send(Item(n)).await;
        if n == 2 {
            return Err(Broken { at: n }.into());
        }
    }
    Ok(Done {})
}

async fn slow(_: Ctx<()>, slow: Slow) -> Result<Done, SlowError> {
    for _ in 0..slow.turns {
        tokio::task::yield_now().await;
    }
    Ok(Done {})
}

impl World {
    fn new() -> Self {
        let engine = Handlers {
            note: on(async |_: Ctx<()>, _: Note| Ok::<_, NoteError>(())),
            nothing: on(async |_: Ctx<()>, _: Nothing| Ok::<_, NothingError>(Done {})),
            ask: on(ask),
            count: stream(count),
            enter: on(async |_: Ctx<()>, _: Enter| Ok::<_, EnterError>(Done {})),
            leave: on(async |_: Ctx<()>, _: Leave| Ok::<_, LeaveError>(Done {})),
            slow: on(slow),
            echo: on(async |_: Ctx<()>, _: Echo| Ok::<_, EchoError>(())),
        }
        .builder(())
        .settings(|settings| {
            settings.rate = None;
            settings.depth = DEPTH;
            settings.check_outbound = true;
        })
        .build();
        let protocol = Protocol::named("envelope").expect("it is compiled in");
        Self {
            runtime: Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            engine,
            fuzzer: Fuzzer::from_yaml(protocol.yaml).expect("a valid protocol"),
        }
    }

    /// Everything that the engine says to one client that sends these frames.
    fn answers(&self, frames: &[&str]) -> Vec<Value> {
        let said = self.runtime.block_on(async {
            let mut client = self.engine.connect().await;
            let mut said: Vec<String> = client.next().await.into_iter().collect();
            for frame in frames {
                client.send(frame).await;
            }
            said.extend(client.drain().await);
            client.disconnect().await;
            said
        });
        let read = |text: &String| match strictly(text, 128) {
            Ok(value) => value,
            Err(why) => panic!("the engine says what is {why:?}: {text}"),
        };
        said.iter().map(read).collect()
    }

    fn hold(&self, input: &str) {
        let frames: Vec<&str> = input.split(BETWEEN).take(FRAMES).collect();
        let read: Vec<Option<Value>> = frames.iter().map(|frame| strictly(frame, DEPTH).ok()).collect();
        // Of what is no I-JSON, the engine may have read the id before it came upon the rest.
        let unreadable = read.iter().filter(|frame| frame.is_none()).count();
        let ids: Vec<Option<&str>> = read.iter().map(|frame| correlation_id(frame.as_ref())).collect();
        // How many frames had each id.
        let mut sent: HashMap<&str, usize> = HashMap::new();
        for id in ids.iter().flatten() {
            *sent.entry(id).or_default() += 1;
        }
        let mut ended: HashMap<&str, usize> = HashMap::new();
        let answers = self.answers(&frames);
        for answer in &answers {
            let name = answer["type"].as_str().unwrap_or_default();
            assert!(
                self.fuzzer.accepts(name, &answer["payload"]),
                "{input}\nis answered with what the protocol does not have: {answer}"
            );
            let id = answer.get("correlationId").and_then(Value::as_str);
            if let (Some(id), 0) = (id, unreadable) {
                assert!(sent.contains_key(id), "{input}\nnever had the id of {answer}");
            }
            let pushed = matches!(name, "connection:established" | "connection:closing" | "echo");
            if pushed {
                assert_eq!(id, None, "{answer} answers nothing");
            } else if let (Some(id), true) = (id, name != "item") {
                *ended.entry(id).or_default() += 1;
            }
            // Of a single frame, everything that answers it has its id.
            if let ([Some(only)], false) = (ids.as_slice(), pushed) {
                assert_eq!(id, Some(*only), "{input}\nis answered without its id: {answer}");
            }
        }
        for (id, count) in ended {
            let most = sent.get(id).copied().unwrap_or_default() + unreadable;
            assert!(
                count <= most,
                "{input}\nis answered {count} times under {id:?}: {answers:?}"
            );
        }
    }
}

/// The correlation id of a frame, if an envelope may have it.
fn correlation_id(frame: Option<&Value>) -> Option<&str> {
    let id = frame?.get("correlationId")?.as_str()?;
    (1..=ID).contains(&id.chars().count()).then_some(id)
}

/// Frames of one client, with a record separator between them.
///
/// # Panics
///
/// If the engine does, or answers with what is no message of the protocol, under an id that was not sent, or more than
/// once at the end.
pub fn envelope(data: &[u8]) {
    if let Ok(input) = std::str::from_utf8(data) {
        WORLD.with_borrow(|world| world.hold(input));
    }
}
