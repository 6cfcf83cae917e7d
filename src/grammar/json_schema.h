// JSON Schema as a grammar of the JSON texts that are valid under it.
//
// Enforced: type (also lists), nullable, enum, const, boolean schemas, $ref inside the document (recursive
// too), $defs, definitions, allOf, anyOf, oneOf when its branches exclude each other, not of types and
// values; properties, required, additionalProperties, patternProperties, propertyNames, minProperties,
// maxProperties; items, prefixItems, minItems, maxItems, uniqueItems: false; minLength, maxLength, pattern,
// format; minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf. Annotations and unknown words are
// ignored, as the standard says. Everything else that could make a text invalid is refused: no text is ever
// less constrained than the schema.
//
// Stronger than the schema, so that a model finds an end and readers agree on what was written:
//   - properties come in the order of the schema, others behind them;
//   - white space: see JsonSpace;
//   - integers have at most 18 digits; numbers 15 + 15 digits and an exponent of 2 digits, with bounds none;
//   - strings under a pattern or format and names of properties use an escape only where JSON needs one;
//   - a schema with words for one type only ("properties") and no type means that type;
//   - a date-time has a zone of at most +-23:59, a URI is an absolute one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

enum class JsonSpace {
  kSome,  // behind { [ , : and before } ]: nothing, one space, or a line break and at most 20 spaces or 10
          // tabs
  kNone,  // compact
};

struct JsonSchemaOptions {
  JsonSpace space = JsonSpace::kSome;
};

inline constexpr size_t kMaxSchemaBytes = size_t{1} << 20;
inline constexpr int kMaxJsonDepth = 100;  // of the document that holds the schema

// Errors (kUsage) name the keyword and where it is as a JSON pointer: "#/properties/a/not: ...".
Result<Grammar> json_schema_grammar(const nlohmann::ordered_json& schema,
                                    const JsonSchemaOptions& options = {});
Result<Grammar> parse_json_schema(std::string_view schema, const JsonSchemaOptions& options = {});

// Any JSON object.
Grammar json_object_grammar(const JsonSchemaOptions& options = {});

}  // namespace gannet
