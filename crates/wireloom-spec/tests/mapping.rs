//! Every row of the mapping from schemas to types, and every decision about names that comes with it.

mod support;

use support::{describe, model};

/// The definitions that `types` come to. Nothing uses them, which is a warning only.
fn types(types: &str) -> String {
    describe(&model(&format!("types:\n{types}")))
}

macro_rules! mapping {
    ($name:ident, $types:literal, $expected:literal) => {
        #[test]
        fn $name() {
            let found = types($types);
            assert_eq!(found.trim(), $expected.trim(), "\n{found}");
        }
    };
}

mapping!(
    type_expressions,
    "
  A: string
  B: integer
  C: number
  D: boolean
  E: 'null'
  F: any
  G: string[]
  H: string?
  I: map<string[]?>
  J: G[]?
  K: J?
  L: map< map<C> >[]
",
    "
A: alias string
B: alias i64
C: alias number
D: alias bool
E: alias null
F: alias any
G: alias [string]
H: alias string or null
I: alias map<[string] or null>
J: alias [G] or null
K: alias J or null
L: alias [map<map<C>>]
"
);

mapping!(
    strings,
    "
  A: { type: string, minLength: 1, maxLength: 64, pattern: '^[a-z]+$' }
  B: { type: string, format: date-time }
  C: { type: string, enum: [idle, in-progress, IN_PROGRESS, '', 2xx, '+1', self, Self] }
  D: { const: only }
  E: { enum: [a, null, b] }
  F: { type: [string, 'null'], maxLength: 3 }
  G: { oneOf: [{ const: x, description: First }, { const: y, description: Second }] }
  H: { type: string, enum: [aa, b], minLength: 2 }
",
    r#"
A: alias string{1..64} /^[a-z]+$/
B: alias string @date-time
C: enum Idle="idle" | InProgress="in-progress" | InProgress2="IN_PROGRESS" | Empty="" | V2xx="2xx" | Plus1="+1" | Self_="self" | Self_2="Self"
D: enum Only="only"
E: alias EValue or null
EValue: enum A="a" | B="b"
F: alias string{..3} or null
G: enum X="x" | Y="y"
H: enum Aa="aa" | B="b" + minLength
"#
);

mapping!(
    numbers,
    "
  A: { type: integer, minimum: 0 }
  B: { type: integer, minimum: -5, maximum: 5 }
  C: { type: integer, exclusiveMinimum: 0, exclusiveMaximum: 10 }
  D: { type: integer, minimum: 0.5, maximum: 9.5 }
  E: { type: integer, format: int32 }
  F: { type: integer, format: uint32, maximum: 100 }
  G: { type: integer, format: int64 }
  H: { type: integer, format: uint64 }
  I: { type: number, minimum: 0, exclusiveMaximum: 1 }
  J: { type: number, multipleOf: 0.5 }
  K: { enum: [1, 2, 3] }
  L: { enum: [1, 2.5] }
  M: { const: true }
  N: { enum: [1, a, null] }
  O: { type: [integer, number] }
  P: { type: [integer, 'null'], minimum: 1 }
",
    "
A: alias u64 0..=9007199254740991
B: alias i64 -5..=5
C: alias u64 1..=9
D: alias u64 1..=9
E: alias i32 -2147483648..=2147483647
F: alias u32 0..=100
G: alias text i64
H: alias text u64
I: alias number ge 0 lt 1
J: alias number + multipleOf
K: alias i64 of [1,2,3]
L: alias f64 of [1,2.5]
M: alias bool of [true]
N: alias any of [1,\"a\"] or null
O: alias number
P: alias u64 1..=9007199254740991 or null
"
);

mapping!(
    lists_and_tuples,
    "
  A: { type: array, items: string, minItems: 1, maxItems: 3 }
  B: { type: array }
  C: { type: array, prefixItems: [string, integer], items: false, minItems: 2 }
  D: { type: array, prefixItems: [string], items: integer }
  E: { type: array, items: string, uniqueItems: true }
  F: { type: array, items: { fields: { x: number } } }
  G: { type: array, contains: { const: 1 }, minContains: 2 }
",
    "
A: alias [string]{1..3}
B: alias [any]
C: alias (string, i64)
D: alias [any] + prefixItems, items
E: alias [string] + uniqueItems
F: alias [FItem]
FItem: struct { x: number }
G: alias [any] + contains, minContains
"
);

mapping!(
    objects,
    "
  A: { fields: { id: string, 'name?': string, 'note?': string? } }
  B: { fields: { id: string }, open: true }
  C: { type: object, properties: { x: number, y: number }, required: [x] }
  D: { type: object, properties: { x: number }, additionalProperties: integer }
  E: { type: object, additionalProperties: string, maxProperties: 3 }
  F: { type: object }
  G: { type: object, additionalProperties: false }
  H: { type: object, required: [a], additionalProperties: string }
  I: { type: object, patternProperties: { '^x-': string }, additionalProperties: false }
  J: { type: object, properties: { a: string }, patternProperties: { '^x-': string }, additionalProperties: false }
  K: { fields: { kind: { const: k }, 'other?': { const: o } }, minProperties: 1 }
  L: { type: object, propertyNames: { maxLength: 3 }, additionalProperties: integer }
  M: { type: [object, 'null'], properties: { x: number } }
",
    r#"
A: struct { id: string, name?: string, note?: string or null }
B: struct { id: string, ..extra }
C: struct { x: number, y?: number, ..extra }
D: struct { x?: number, ..extra: i64 }
E: alias map<string>{..3}
F: alias map<any>
G: struct {  }
H: struct { a: string, ..extra: string }
I: alias map<any> + patternProperties, additionalProperties
J: struct { a?: string, ..extra } + patternProperties, additionalProperties
K: struct { kind: = "k", other?: KOther }{1..}
KOther: enum O="o"
L: alias map<i64> + propertyNames
M: alias MValue or null
MValue: struct { x?: number, ..extra }
"#
);

mapping!(
    awkward_fields,
    "
  A:
    fields:
      type: string
      self: string
      Self: string
      crate: string
      _: string
      '': string
      1st: string
      __proto__: string
      constructor: string
      größe: string
      a-b: string
      a_b: string
      aB: string
      extra: string
      'r#type': string
    open: true
",
    r##"
A: struct { "type" as r#type: string, "self" as self_: string, "Self" as self_2: string, "crate" as crate_: string, "_" as underscore: string, "" as empty: string, "1st" as _1st: string, "__proto__" as proto: string, constructor: string, "größe" as gr_uf6_udf_e: string, "a-b" as a_b: string, "a_b" as a_b2: string, "aB" as a_b3: string, extra: string, "r#type" as r_type: string, ..extra2 }
"##
);

mapping!(
    discriminated_unions,
    "
  Circle: { fields: { kind: { const: circle }, r: number } }
  Square: { fields: { kind: { enum: [square] }, a: number } }
  Named: { $ref: '#/types/Circle' }
  ByRef: { oneOf: [Circle, { $ref: '#/types/Square' }] }
  Inline:
    anyOf:
      - fields: { op: { const: add }, value: integer }
      - fields: { op: { const: remove-all } }
  ByAlias: { oneOf: [Named, Square] }
  SameTag: { oneOf: [Circle, Circle] }
  WithNull: { oneOf: [Circle, Square, 'null'] }
  Mixed: { oneOf: [Circle, string] }
  Typed: { type: object, oneOf: [Circle, Square] }
",
    r#"
Circle: struct { kind: = "circle", r: number }
Square: struct { kind: = "square", a: number }
Named: alias Circle
ByRef: tagged by kind: Circle="circle" Circle | Square="square" Square
Inline: tagged by op: Add="add" InlineAdd | RemoveAll="remove-all" InlineRemoveAll
InlineAdd: struct { op: = "add", value: i64 }
InlineRemoveAll: struct { op: = "remove-all" }
ByAlias: tagged by kind: Circle="circle" Circle | Square="square" Square
SameTag: one of Circle(Circle) | Circle2(Circle)
WithNull: alias WithNullValue or null
WithNullValue: tagged by kind: Circle="circle" Circle | Square="square" Square
Mixed: one of Circle(Circle) | String(string)
Typed: tagged by kind: Circle="circle" Circle | Square="square" Square
"#
);

mapping!(
    other_unions,
    "
  A: { anyOf: [string, integer, 'null'] }
  B: { oneOf: [string, { type: string, maxLength: 3 }] }
  C: { type: [string, integer, array, 'null'], maxLength: 3, minimum: 1, items: boolean }
  D: { anyOf: [{ fields: { a: string } }, { fields: { b: string } }] }
  E: { anyOf: [string] }
  F: { oneOf: [any, 'null'] }
  G: { type: object, properties: { a: string }, oneOf: [{ required: [a] }, { required: [b] }] }
  H: { anyOf: [string, integer], not: { const: 3 } }
",
    "
A: alias AValue or null
AValue: any of String(string) | Integer(i64)
B: one of String(string) | String2(string{..3})
C: alias CValue or null
CValue: any of String(string{..3}) | Integer(u64 1..=9007199254740991) | Array([bool])
D: any of Variant1(DVariant1) | Variant2(DVariant2)
DVariant1: struct { a: string }
DVariant2: struct { b: string }
E: alias string
F: one of Any(any) | Null(null)
G: struct { a?: string, ..extra } + oneOf
H: any of String(string) | Integer(i64) + not
"
);

mapping!(
    merged_objects,
    "
  Base: { type: object, properties: { id: string, at: { type: object, properties: { x: number } } }, required: [id] }
  Extended: { allOf: [Base, { type: object, properties: { name: string }, required: [name] }] }
  Tagged: { type: object, properties: { kind: { const: t } }, required: [kind], allOf: [Base] }
  Closed: { allOf: [{ fields: { a: string } }, { type: object, properties: { b: string } }] }
  Conflict: { allOf: [Base, { type: object, properties: { id: integer } }] }
  Described: { description: The base again., allOf: [Base] }
  NotObjects: { type: string, allOf: [{ minLength: 1 }, { pattern: '^a' }] }
  Untyped: { allOf: [Base, { properties: { extra: string } }] }
  Loose: { allOf: [string, { minLength: 1 }] }
  Sealed: { type: object, allOf: [Base], unevaluatedProperties: false }
",
    r#"
Base: struct { id: string, at?: BaseAt, ..extra }
BaseAt: struct { x?: number, ..extra }
Extended: struct { id: string, at?: BaseAt, name: string, ..extra }
Tagged: struct { kind: = "t", id: string, at?: BaseAt, ..extra }
Closed: struct { a: string, b?: string, ..extra } + allOf
Conflict: struct { id: string, at?: BaseAt, ..extra } + allOf
Described: alias Base
NotObjects: alias string + allOf
Untyped: struct { id: string, at?: BaseAt, extra?: string, ..extra2 }
Loose: alias any + allOf
Sealed: struct { id: string, at?: BaseAt, ..extra } + unevaluatedProperties
"#
);

mapping!(
    what_stays_with_the_validator,
    "
  A: { type: string, not: { const: x } }
  B: { type: object, properties: { a: string }, if: { required: [a] }, then: { maxProperties: 1 } }
  C: { type: object, properties: { a: string }, dependentRequired: { a: [b] }, dependentSchemas: { a: { minProperties: 2 } } }
  D: { $ref: '#/types/A', minLength: 3 }
  E: false
  F: { properties: { a: string } }
  G: { not: string }
  H: { fields: { no?: false } }
",
    "
A: alias string + not
B: struct { a?: string, ..extra } + if, then
C: struct { a?: string, ..extra } + dependentRequired, dependentSchemas
D: alias A + minLength
E: alias any + false
F: alias any + properties
G: alias any + not
H: struct { no?: any + false }
"
);

mapping!(
    recursion,
    "
  Tree: { fields: { value: integer, 'left?': Tree, 'right?': Tree, children: 'Tree[]', named: map<Tree> } }
  List: { fields: { next: List? } }
  Even: { fields: { 'odd?': Odd } }
  Odd: { fields: { 'even?': Even, pair: { type: array, prefixItems: [Even?, Even?], items: false, minItems: 2 } } }
  Expr: { oneOf: [{ fields: { op: { const: neg }, of: Expr } }, { fields: { op: { const: num }, n: number } }] }
  Json: { anyOf: ['null', boolean, number, string, 'Json[]', map<Json>] }
",
    r#"
Tree: struct { value: i64, left?: boxed Tree, right?: boxed Tree, children: [Tree], named: map<Tree> }
List: struct { next: boxed List or null }
Even: struct { odd?: Odd }
Odd: struct { even?: boxed Even, pair: boxed (Even or null, Even or null) }
Expr: tagged by op: Neg="neg" ExprNeg | Num="num" ExprNum
ExprNeg: struct { op: = "neg", of: boxed Expr }
ExprNum: struct { op: = "num", n: number }
Json: alias JsonValue or null
JsonValue: any of Boolean(bool) | Number(number) | String(string) | Array([Json]) | Map(map<Json>)
"#
);

#[test]
fn payloads_have_names_of_their_own() {
    let found = describe(&model(
        "
types:
  Name: string
messages:
  agent:start: { from: client, payload: { fields: { options: { fields: { deep: { type: array, items: { fields: { x: Name } } } } } } } }
  agent.rename: { from: client, payload: Name }
  set-mode: { from: client, payload: { type: string, enum: [a, b] } }
  pick: { from: client, payload: { oneOf: [{ fields: { by: { const: id } } }, { fields: { by: { const: name } } }] } }
  stop: { from: client }
  type: { from: server, payload: 'integer[]' }
",
    ));
    let expected = r#"
Name: alias string
AgentStart (AgentStartPayload): struct { options: AgentStartOptions }
AgentStartOptions: struct { deep: [AgentStartOptionsDeepItem] }
AgentStartOptionsDeepItem: struct { x: Name }
AgentRename (AgentRenamePayload): newtype Name
SetMode (SetModePayload): enum A="a" | B="b"
Pick (PickPayload): tagged by by: Id="id" PickId | Name="name" PickName
PickId: struct { by: = "id" }
PickName: struct { by: = "name" }
Stop (StopPayload): struct {  }
Type (TypePayload): newtype [i64]
"#;
    assert_eq!(found.trim(), expected.trim(), "\n{found}");
}

#[test]
fn inline_names_make_way_for_written_ones() {
    let found = describe(&model(
        "
types:
  AgentStartOptions: string
messages:
  agent:start: { from: client, payload: { fields: { options: { fields: { a: AgentStartOptions } } } } }
",
    ));
    let expected = "
AgentStartOptions: alias string
AgentStart (AgentStartPayload): struct { options: AgentStartOptions2 }
AgentStartOptions2: struct { a: AgentStartOptions }
";
    assert_eq!(found.trim(), expected.trim(), "\n{found}");
}
