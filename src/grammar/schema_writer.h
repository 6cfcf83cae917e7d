// Schemas as rules of a grammar: one for each conjunction of schemas that some place of a value is under.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grammar/json_text.h"
#include "grammar/regex.h"
#include "grammar/schema_reader.h"

namespace gannet {

class SchemaWriter {
 public:
  // `root` is the document that the schemas are in. All must stay.
  SchemaWriter(Grammar* grammar, JsonText* json, const SchemaJson& root)
      : g_(grammar), json_(*json), reader_(root) {}

  SchemaReader& reader() { return reader_; }

  // Values that are right under all of these. The rules are written by finish().
  ExprId add(const std::vector<SchemaRef>& all);
  // The facts without choices that a value may be right under: one for each way to choose. Errors: a choice
  // of exactly one whose branches do not exclude each other.
  Result<std::vector<SchemaFacts>> alternatives(SchemaFacts facts);
  Result<void> finish();

 private:
  Result<ExprId> write_types(const SchemaFacts& facts);
  Result<ExprId> write_number(const SchemaFacts& facts, uint8_t types);
  Result<ExprId> write_string(const SchemaFacts& facts);
  ExprId write_array(const SchemaFacts& facts);
  Result<ExprId> write_object(const SchemaFacts& facts);
  Result<std::optional<ExprId>> write_others(const SchemaFacts& facts, const std::vector<ExprId>& names,
                                             const std::optional<SchemaFacts>& name_facts);

  Grammar* g_;
  JsonText& json_;
  SchemaReader reader_;
  std::map<std::string, RuleId> rules_;  // by the pointers of the schemas
  std::vector<std::pair<RuleId, std::vector<SchemaRef>>> todo_;
  std::string pointer_;  // of what is being written
  size_t n_alternatives_ = 0;
};

}  // namespace gannet
