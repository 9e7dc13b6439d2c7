//! Compares the payloads of two protocols, and the types that they are made of.
//!
//! Two schemas are walked side by side. Where something changed, the question is asked of the least part that it can be
//! asked of: whether one side accepts all that the other may send. A change inside a named type is a change of that type,
//! whoever uses it.

mod closed;
mod describe;
mod judge;
mod project;
mod prove;
mod reader;
mod shrink;
mod split;
mod step;
mod universe;

use std::collections::{BTreeSet, VecDeque};

use indexmap::IndexMap;
use serde_json::Value;

pub use judge::Search;

use self::judge::{Judge, Judgement, Manner};
use self::reader::{Reader, below, item_schemas};
use self::split::{Child, ChildPlace, Path, split};
use self::step::steps;
use self::universe::{Universe, each_name, plain, to};
use super::change::{Evidence, Kind, Trouble};
use super::class::{Pairing, Sender};
use crate::canonical;
use crate::model::Model;

pub(super) use describe::shown;
pub(super) use universe::normal as normalized;

/// Places of one type that are looked at. More of them are a matter of unions in unions.
const MOST_PLACES: usize = 64;

/// What a schema belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// The payload of a message.
    Payload(String),
    /// A type of `types`.
    Type(String),
}

/// A change of a schema.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) subject: Subject,
    pub(super) old_way: Path,
    pub(super) new_way: Path,
    /// What changed of the schema at that way, if it is one property or one keyword.
    pub(super) part: Path,
    pub(super) kind: Kind,
    pub(super) what: String,
    pub(super) senders: BTreeSet<Sender>,
    pub(super) troubles: Vec<Trouble>,
}

/// Every change of a payload that both protocols have, and of the types in them.
pub(super) fn compare(old: &Model, new: &Model, search: &dyn Search) -> Vec<Row> {
    let universe = Universe::new(old, new);
    let judge = Judge::new(&universe, search);
    let mut walk = Walk {
        universe: &universe,
        judge: &judge,
        rows: IndexMap::new(),
        open: VecDeque::new(),
        seen: BTreeSet::new(),
    };
    for message in old.messages.iter().filter(|message| !message.engine) {
        let Some(now) = new.message(&message.name) else {
            continue;
        };
        let before = universe.old(&old.def(message.payload).schema);
        let after = normalized(&new.def(now.payload).schema);
        let both = [
            (Sender::Client, message.from.client() && now.from.client()),
            (Sender::Server, message.from.server() && now.from.server()),
        ];
        for (sender, sends) in both {
            if sends {
                let place = Place {
                    sender,
                    old: vec![before.clone()],
                    new: vec![after.clone()],
                };
                walk.root(Subject::Payload(message.name.clone()), &before, &after, place);
            }
        }
    }
    while let Some((name, place)) = walk.open.pop_front() {
        let (before, after) = (to(&format!("old:{name}")), to(&name));
        let before = universe.resolve(&before).clone();
        let after = universe.resolve(&after).clone();
        walk.root(Subject::Type(name), &before, &after, place);
    }
    walk.rows.into_values().collect()
}

/// An old schema and a new one.
type Pair = (Value, Value);

/// Where a value is read, and by which schemas its fields are known there.
#[derive(Debug, Clone)]
struct Place {
    sender: Sender,
    old: Vec<Value>,
    new: Vec<Value>,
}

#[derive(Debug, Clone)]
struct At {
    subject: Subject,
    old_way: Path,
    new_way: Path,
}

/// A change at one place.
struct Finding {
    key: (Subject, Path, Path, usize),
    kind: Kind,
    part: Path,
    what: String,
    troubles: Vec<(Pairing, Judgement)>,
}

struct Walk<'u> {
    universe: &'u Universe,
    judge: &'u Judge<'u>,
    rows: IndexMap<(Subject, Path, Path, usize), Row>,
    /// Types that have changed, and places where they are read.
    open: VecDeque<(String, Place)>,
    seen: BTreeSet<String>,
}

impl Walk<'_> {
    fn root(&mut self, subject: Subject, old: &Value, new: &Value, place: Place) {
        let at = At {
            subject,
            old_way: Vec::new(),
            new_way: Vec::new(),
        };
        let mut found = Vec::new();
        self.visit(&at, old, new, &place, &mut found);
        for pairing in Pairing::ALL {
            let troubled = |finding: &Finding| finding.troubles.iter().any(|(whom, _)| *whom == pairing);
            // What no value can show is no trouble.
            if found.iter().any(troubled) && self.is_proved(old, new, &place, pairing) {
                for finding in &mut found {
                    finding.troubles.retain(|(whom, _)| *whom != pairing);
                }
            }
        }
        for finding in found {
            self.record(finding, place.sender);
        }
    }

    fn visit(&mut self, at: &At, old: &Value, new: &Value, place: &Place, found: &mut Vec<Finding>) {
        if old == new {
            return;
        }
        let Some(split) = split(old, new, self.universe, self.judge) else {
            let pair = (old.clone(), new.clone());
            self.steps(at, &pair, (&pair, &pair), place, found);
            return;
        };
        if let Some(name) = split.reference {
            self.meet(name, place);
        }
        let pair = (old.clone(), new.clone());
        self.steps(at, &pair, (&split.with_new, &split.with_old), place, found);
        for child in split.children {
            let inside = At {
                subject: at.subject.clone(),
                old_way: [at.old_way.clone(), child.old_way.clone()].concat(),
                new_way: [at.new_way.clone(), child.new_way.clone()].concat(),
            };
            let place = self.inside(place, &child);
            self.visit(&inside, &child.old, &child.new, &place, found);
        }
    }

    /// Notes a type that is read at a place.
    fn meet(&mut self, name: String, place: &Place) {
        let texts: Vec<String> = place.old.iter().chain(&place.new).map(canonical::text).collect();
        let key = match place.sender {
            Sender::Client => format!("{name} client"),
            Sender::Server => format!("{name} server {}", texts.join(" ")),
        };
        let places = self
            .seen
            .iter()
            .filter(|key| key.starts_with(&format!("{name} ")))
            .count();
        if places < MOST_PLACES && self.seen.insert(key) {
            self.open.push_back((name, place.clone()));
        }
    }

    /// Who reads a part.
    fn inside(&self, place: &Place, child: &Child) -> Place {
        let reader = Reader {
            defs: &self.universe.defs,
        };
        let step = |schemas: &[Value]| -> Vec<Value> {
            let schemas: Vec<&Value> = schemas.iter().collect();
            let parts = reader.parts(&schemas);
            let inside = match &child.place {
                ChildPlace::Same => return schemas.into_iter().cloned().collect(),
                ChildPlace::Property(name) => below(&parts, name),
                ChildPlace::OtherProperty => below(&parts, ""),
                ChildPlace::Item(at) => item_schemas(&parts, *at),
                ChildPlace::Elsewhere => Vec::new(),
            };
            inside.into_iter().cloned().collect()
        };
        Place {
            sender: place.sender,
            old: step(&place.old),
            new: step(&place.new),
        }
    }

    /// Judges the steps between two schemas that have the same inside: `whole` as the new one has it, and as the old one.
    fn steps(
        &self,
        at: &At,
        whole: &Pair,
        (with_new, with_old): (&Pair, &Pair),
        place: &Place,
        found: &mut Vec<Finding>,
    ) {
        let mut there = steps(&with_new.0, &with_new.1);
        let mut back = steps(&with_old.0, &with_old.1);
        if there.len() != back.len() {
            there = vec![(step::Step::Rest, with_new.1.clone())];
            back = vec![(step::Step::Rest, with_old.1.clone())];
        }
        let several = there.len() > 1;
        let harmless = |pairing: Pairing| {
            several && self.judge(with_new, with_old, place, pairing) == Judgement::Accepted
        };
        let harmless: Vec<Pairing> = Pairing::ALL
            .into_iter()
            .filter(|pairing| harmless(*pairing))
            .collect();
        let (mut new_before, mut old_before) = (with_new.0.clone(), with_old.0.clone());
        for (number, ((step, new_after), (_, old_after))) in there.into_iter().zip(back).enumerate() {
            let new_pair = (new_before, new_after);
            let old_pair = (old_before, old_after);
            let troubles = Pairing::ALL
                .into_iter()
                .filter(|pairing| !harmless.contains(pairing))
                .map(|pairing| (pairing, self.judge(&new_pair, &old_pair, place, pairing)))
                .filter(|(_, judgement)| *judgement != Judgement::Accepted)
                .map(|(pairing, judgement)| (pairing, self.shown(judgement, whole, place, pairing)))
                .collect();
            found.push(Finding {
                key: (at.subject.clone(), at.old_way.clone(), at.new_way.clone(), number),
                kind: step.kind(),
                what: describe::step(&step, &new_pair.0, &new_pair.1, self.universe),
                part: step.part(&new_pair.0, &new_pair.1),
                troubles,
            });
            (new_before, old_before) = (new_pair.1, old_pair.1);
        }
    }

    /// With a value that somebody may really send: one that shows what a step does may be of a schema that nobody has.
    fn shown(&self, judgement: Judgement, whole: &Pair, place: &Place, pairing: Pairing) -> Judgement {
        let Judgement::Refused(value) = &judgement else {
            return judgement;
        };
        let (reader, sender, manner) = roles(whole, whole, place, pairing);
        if self.judge.shows(reader, sender, manner, value) {
            return judgement;
        }
        match self.judge.accepts(reader, sender, manner) {
            Judgement::Refused(value) => Judgement::Refused(value),
            _ => Judgement::RefusedUnseen,
        }
    }

    /// Whether those who meet understand each other. A reader finds inside what it knows itself.
    fn judge(&self, with_new: &Pair, with_old: &Pair, place: &Place, pairing: Pairing) -> Judgement {
        let (reader, sender, manner) = roles(with_new, with_old, place, pairing);
        self.judge.accepts(reader, sender, manner)
    }

    fn is_proved(&self, old: &Value, new: &Value, place: &Place, pairing: Pairing) -> bool {
        let pair = (old.clone(), new.clone());
        let (reader, sender, manner) = roles(&pair, &pair, place, pairing);
        self.judge.proves(reader, sender, manner)
    }

    fn record(&mut self, finding: Finding, sender: Sender) {
        let (subject, old_way, new_way, _) = finding.key.clone();
        let row = self.rows.entry(finding.key).or_insert_with(|| Row {
            subject,
            old_way,
            new_way,
            part: finding.part,
            kind: finding.kind,
            what: finding.what,
            senders: BTreeSet::new(),
            troubles: Vec::new(),
        });
        row.senders.insert(sender);
        for (pairing, judgement) in finding.troubles {
            let trouble = trouble(pairing, sender, judgement);
            // Of many places one is enough, and one that can be shown is better.
            match row
                .troubles
                .iter_mut()
                .find(|known| known.pairing == pairing && known.what == trouble.what)
            {
                Some(known) if known.evidence == Evidence::Undecided => *known = trouble,
                Some(_) => {}
                None => row.troubles.push(trouble),
            }
        }
    }
}

/// Who reads, who sends, and how it is read.
fn roles<'p>(
    with_new: &'p Pair,
    with_old: &'p Pair,
    place: &'p Place,
    pairing: Pairing,
) -> (&'p Value, &'p Value, Manner<'p>) {
    match (place.sender, pairing) {
        (Sender::Client, Pairing::OldClient) => (&with_new.1, &with_new.0, Manner::Strict),
        (Sender::Client, Pairing::NewClient) => (&with_new.0, &with_new.1, Manner::Strict),
        (Sender::Server, Pairing::OldClient) => (&with_old.0, &with_old.1, Manner::Tolerant(&place.old)),
        (Sender::Server, Pairing::NewClient) => (&with_new.1, &with_new.0, Manner::Tolerant(&place.new)),
    }
}

fn trouble(pairing: Pairing, sender: Sender, judgement: Judgement) -> Trouble {
    let what = match (sender, pairing) {
        (Sender::Client, Pairing::OldClient) => "an old client may send what a new server refuses",
        (Sender::Client, Pairing::NewClient) => "a new client may send what an old server refuses",
        (Sender::Server, Pairing::OldClient) => "a new server may send what an old client cannot read",
        (Sender::Server, Pairing::NewClient) => "an old server may send what a new client cannot read",
    };
    let evidence = match judgement {
        Judgement::Refused(value) => Evidence::Example(value),
        Judgement::Undecided => Evidence::Undecided,
        Judgement::RefusedUnseen | Judgement::Accepted => Evidence::Rule,
    };
    Trouble {
        pairing,
        what: what.to_owned(),
        evidence,
    }
}

/// Messages that use each changed type, directly or through other types: `(type, message)`.
pub(super) fn users(model: &Model) -> IndexMap<String, Vec<String>> {
    let defs = model.schema_defs();
    let mut users: IndexMap<String, Vec<String>> = IndexMap::new();
    for message in model.messages.iter().filter(|message| !message.engine) {
        let mut reached = BTreeSet::new();
        let mut open = vec![&model.def(message.payload).schema];
        while let Some(schema) = open.pop() {
            each_name(schema, &mut |name| {
                if reached.insert(plain(name).to_owned()) {
                    open.extend(defs.get(name));
                }
            });
        }
        for name in reached {
            users.entry(name).or_default().push(message.name.clone());
        }
    }
    users
}
