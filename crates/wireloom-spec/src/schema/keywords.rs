//! The keywords that a schema position knows: what each takes, and what values it applies to. The reader, the warnings and the
//! file's own schema all go by this table.

use super::raw::Type;

/// What stands after a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A type's name or a list of them.
    Type,
    /// Any JSON value.
    Json,
    /// A list of any JSON values.
    JsonList,
    /// A whole number from 0.
    Count,
    Number,
    /// A number above 0.
    PositiveNumber,
    Text,
    /// A list of strings, each once.
    Names,
    /// A mapping of such lists.
    NamesMap,
    Flag,
    Schema,
    /// A list of at least one schema.
    SchemaList,
    SchemaMap,
}

/// Which values a keyword asserts something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applies {
    /// It is a note for people and tools.
    Note,
    /// All of them.
    Any,
    Strings,
    Numbers,
    Arrays,
    Objects,
}

impl Applies {
    pub(crate) fn to(self, kind: Type) -> bool {
        match self {
            Self::Note => false,
            Self::Any => true,
            Self::Strings => kind == Type::String,
            Self::Numbers => matches!(kind, Type::Integer | Type::Number),
            Self::Arrays => kind == Type::Array,
            Self::Objects => kind == Type::Object,
        }
    }

    /// The type that an author most likely left out.
    pub(crate) fn type_name(self) -> Option<&'static str> {
        match self {
            Self::Note | Self::Any => None,
            Self::Strings => Some("string"),
            Self::Numbers => Some("number"),
            Self::Arrays => Some("array"),
            Self::Objects => Some("object"),
        }
    }
}

/// A keyword.
#[derive(Debug)]
pub(crate) struct Keyword {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) applies: Applies,
    /// What an editor shows.
    pub(crate) about: &'static str,
}

const fn keyword(name: &'static str, takes: Takes, applies: Applies, about: &'static str) -> Keyword {
    Keyword {
        name,
        takes,
        applies,
        about,
    }
}

/// All of JSON Schema 2020-12 that has a meaning here.
pub(crate) static KEYWORDS: &[Keyword] = &[
    keyword(
        "$ref",
        Takes::Text,
        Applies::Any,
        "Another schema: `#/types/NAME`.",
    ),
    keyword(
        "type",
        Takes::Type,
        Applies::Any,
        "Type of the value, or a list of possible ones.",
    ),
    keyword(
        "enum",
        Takes::JsonList,
        Applies::Any,
        "The values that are possible.",
    ),
    keyword(
        "const",
        Takes::Json,
        Applies::Any,
        "The only value that is possible.",
    ),
    keyword("title", Takes::Text, Applies::Note, "A short name."),
    keyword(
        "description",
        Takes::Text,
        Applies::Note,
        "What it is; reaches documentation and generated types.",
    ),
    keyword(
        "$comment",
        Takes::Text,
        Applies::Note,
        "A note for readers of the file.",
    ),
    keyword(
        "default",
        Takes::Json,
        Applies::Note,
        "What a reader may assume when it is missing; checked, never filled in.",
    ),
    keyword(
        "examples",
        Takes::JsonList,
        Applies::Note,
        "Values that fit; checked.",
    ),
    keyword(
        "deprecated",
        Takes::Flag,
        Applies::Note,
        "Whether it is on its way out.",
    ),
    keyword(
        "readOnly",
        Takes::Flag,
        Applies::Note,
        "Whether only the server sets it.",
    ),
    keyword(
        "writeOnly",
        Takes::Flag,
        Applies::Note,
        "Whether only the client sends it.",
    ),
    keyword(
        "contentEncoding",
        Takes::Text,
        Applies::Note,
        "Encoding of a string, such as base64; not checked.",
    ),
    keyword(
        "contentMediaType",
        Takes::Text,
        Applies::Note,
        "Media type of a string's content; not checked.",
    ),
    keyword(
        "minLength",
        Takes::Count,
        Applies::Strings,
        "Least number of characters.",
    ),
    keyword(
        "maxLength",
        Takes::Count,
        Applies::Strings,
        "Largest number of characters.",
    ),
    keyword(
        "pattern",
        Takes::Text,
        Applies::Strings,
        "ECMA-262 regular expression, without look-around and back-references.",
    ),
    keyword(
        "format",
        Takes::Text,
        Applies::Any,
        "Format of a string, or width of an integer; asserted.",
    ),
    keyword("minimum", Takes::Number, Applies::Numbers, "Least value."),
    keyword("maximum", Takes::Number, Applies::Numbers, "Largest value."),
    keyword(
        "exclusiveMinimum",
        Takes::Number,
        Applies::Numbers,
        "A value below all possible ones.",
    ),
    keyword(
        "exclusiveMaximum",
        Takes::Number,
        Applies::Numbers,
        "A value above all possible ones.",
    ),
    keyword(
        "multipleOf",
        Takes::PositiveNumber,
        Applies::Numbers,
        "What the value is a multiple of.",
    ),
    keyword(
        "items",
        Takes::Schema,
        Applies::Arrays,
        "Schema of the items after `prefixItems`.",
    ),
    keyword(
        "prefixItems",
        Takes::SchemaList,
        Applies::Arrays,
        "Schemas of the first items, one each.",
    ),
    keyword(
        "contains",
        Takes::Schema,
        Applies::Arrays,
        "Schema that at least one item fits.",
    ),
    keyword(
        "minContains",
        Takes::Count,
        Applies::Arrays,
        "Least number of items that fit `contains`.",
    ),
    keyword(
        "maxContains",
        Takes::Count,
        Applies::Arrays,
        "Largest number of items that fit `contains`.",
    ),
    keyword(
        "minItems",
        Takes::Count,
        Applies::Arrays,
        "Least number of items.",
    ),
    keyword(
        "maxItems",
        Takes::Count,
        Applies::Arrays,
        "Largest number of items.",
    ),
    keyword(
        "uniqueItems",
        Takes::Flag,
        Applies::Arrays,
        "Whether no two items may be equal.",
    ),
    keyword(
        "unevaluatedItems",
        Takes::Schema,
        Applies::Arrays,
        "Schema of the items that nothing else describes.",
    ),
    keyword(
        "properties",
        Takes::SchemaMap,
        Applies::Objects,
        "Schemas of properties by name.",
    ),
    keyword(
        "required",
        Takes::Names,
        Applies::Objects,
        "Properties that must be there.",
    ),
    keyword(
        "additionalProperties",
        Takes::Schema,
        Applies::Objects,
        "Schema of properties that are not named.",
    ),
    keyword(
        "patternProperties",
        Takes::SchemaMap,
        Applies::Objects,
        "Schemas of properties by pattern of their name.",
    ),
    keyword(
        "propertyNames",
        Takes::Schema,
        Applies::Objects,
        "Schema of every property's name.",
    ),
    keyword(
        "minProperties",
        Takes::Count,
        Applies::Objects,
        "Least number of properties.",
    ),
    keyword(
        "maxProperties",
        Takes::Count,
        Applies::Objects,
        "Largest number of properties.",
    ),
    keyword(
        "dependentRequired",
        Takes::NamesMap,
        Applies::Objects,
        "Properties that must be there if another is.",
    ),
    keyword(
        "dependentSchemas",
        Takes::SchemaMap,
        Applies::Objects,
        "Schemas that apply if a property is there.",
    ),
    keyword(
        "unevaluatedProperties",
        Takes::Schema,
        Applies::Objects,
        "Schema of properties that nothing else describes.",
    ),
    keyword(
        "allOf",
        Takes::SchemaList,
        Applies::Any,
        "Schemas that all apply.",
    ),
    keyword(
        "anyOf",
        Takes::SchemaList,
        Applies::Any,
        "Schemas of which at least one applies.",
    ),
    keyword(
        "oneOf",
        Takes::SchemaList,
        Applies::Any,
        "Schemas of which exactly one applies.",
    ),
    keyword(
        "not",
        Takes::Schema,
        Applies::Any,
        "A schema that must not apply.",
    ),
    keyword(
        "if",
        Takes::Schema,
        Applies::Any,
        "A schema that decides between `then` and `else`.",
    ),
    keyword(
        "then",
        Takes::Schema,
        Applies::Any,
        "A schema that applies where `if` does.",
    ),
    keyword(
        "else",
        Takes::Schema,
        Applies::Any,
        "A schema that applies where `if` does not.",
    ),
];

/// Keywords of JSON Schema, of older drafts and of its relatives that are refused, and what to do instead.
pub(crate) static REFUSED: &[(&str, &str)] = &[
    ("$id", "remove it: types are known by their name under `types`"),
    ("id", "remove it: types are known by their name under `types`"),
    ("$schema", "remove it: every schema here is JSON Schema 2020-12"),
    ("$anchor", "give the schema a name under `types`"),
    ("$dynamicAnchor", "give the schema a name under `types`"),
    ("$dynamicRef", "refer to a name with `$ref: \"#/types/NAME\"`"),
    ("$recursiveRef", "refer to a name with `$ref: \"#/types/NAME\"`"),
    ("$recursiveAnchor", "give the schema a name under `types`"),
    ("$vocabulary", "remove it"),
    ("$defs", "move the definitions to `types`"),
    ("definitions", "move the definitions to `types`"),
    ("additionalItems", "write `items` for what follows `prefixItems`"),
    ("dependencies", "write `dependentRequired` or `dependentSchemas`"),
    ("nullable", "write the type as `T?`, or as a list with \"null\""),
    (
        "discriminator",
        "write `oneOf` of objects that share a `const` property: it is found",
    ),
    ("example", "write `examples` with a list"),
    (
        "contentSchema",
        "remove it: the content of a string is not looked into",
    ),
    (
        "optional",
        "leave the property out of `required`, or end its name with `?` under `fields`",
    ),
];

pub(crate) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// All names that could have been meant.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYWORDS
        .iter()
        .map(|keyword| keyword.name)
        .chain(["fields", "open"])
}
