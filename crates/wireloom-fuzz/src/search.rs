//! Values for schemas that belong to no message: what `wireloom_spec::diff` looks through for one that is refused.

use std::sync::{Arc, Mutex};

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};
use wireloom_spec::diff::Search;

use crate::likely::Familiar;
use crate::payload::Target;
use crate::schema::{self, Schemas};
use crate::text::Patterns;

/// Makes values of any schema. The same values for the same schema and seed.
#[derive(Debug, Clone, Copy)]
pub struct Samples {
    /// How many values of each kind are made.
    pub count: usize,
    /// Decides which.
    pub seed: u64,
}

impl Default for Samples {
    fn default() -> Self {
        Self { count: 12, seed: 1 }
    }
}

impl Samples {
    /// A schema that no validator takes has no values.
    fn make(
        self,
        schema: &Value,
        mut one: impl FnMut(&Target, &mut TestRunner) -> Option<Value>,
    ) -> Vec<Value> {
        let Some(target) = target(schema) else {
            return Vec::new();
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        // Where nothing is found at first, nothing is found later.
        std::iter::repeat_with(|| one(&target, &mut runner))
            .take(self.count)
            .map_while(|value| value)
            .collect()
    }
}

impl Search for Samples {
    fn valid(&self, schema: &Value) -> Vec<Value> {
        let mut values = self.make(schema, |target, runner| target.one(runner));
        values.extend(self.make(schema, |target, runner| target.changed(runner)));
        values
    }

    fn near_misses(&self, schema: &Value) -> Vec<Value> {
        self.make(schema, |target, runner| target.one_near_miss(runner))
    }
}

fn target(schema: &Value) -> Option<Target> {
    let mut keywords = schema.as_object()?.clone();
    let defs = match keywords.shift_remove("$defs") {
        Some(Value::Object(defs)) => defs,
        _ => Map::new(),
    };
    keywords.shift_remove("$schema");
    let schema = Value::Object(keywords);
    let schemas = Arc::new(Schemas::new(defs));
    let validator = schema::compile(&schemas.complete(&schema))?;
    Some(Target {
        name: "the schema".to_owned(),
        optional: false,
        client: false,
        server: false,
        engine: false,
        message_bytes: usize::MAX,
        examples: Vec::new(),
        familiar: Arc::new(Familiar::default()),
        node: schemas.node(&schema),
        schemas,
        patterns: Arc::new(Mutex::new(Patterns::default())),
        validator,
    })
}
