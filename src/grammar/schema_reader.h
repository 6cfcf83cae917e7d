// Questions about schemas that have to be answered before they become a grammar: is a value right, can two
// schemas be right about the same value, which schemas is a member under.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/dfa.h"
#include "grammar/json_text.h"
#include "grammar/schema_facts.h"

namespace gannet {

class SchemaReader {
 public:
  explicit SchemaReader(const SchemaJson& root) : document_(root), budget_(2'000'000) {}

  SchemaDocument& document() { return document_; }
  Result<SchemaFacts> facts(const std::vector<SchemaRef>& all);

  Result<std::vector<SchemaRef>> member(const SchemaFacts& facts, const std::string& name);
  std::vector<SchemaRef> item(const SchemaFacts& facts, size_t index);
  // Whether the regular expression at `pointer` finds something in the text.
  Result<bool> finds(const std::string& pattern, bool whole, const std::string& pointer,
                     const std::string& text);

  Result<bool> valid(const SchemaFacts& facts, const SchemaJson& value);
  // No value is right under both, for sure.
  Result<bool> disjoint(const SchemaFacts& a, const SchemaFacts& b, int depth = 0);

  // The content of a JSON string that is right, each character spelled in one way.
  Result<ExprId> string_content(Grammar* grammar, const SchemaFacts& facts);

 private:
  Result<bool> valid(const std::vector<SchemaRef>& all, const SchemaJson& value);
  Result<bool> valid_string(const SchemaFacts& facts, const SchemaJson& value);
  Result<bool> valid_array(const SchemaFacts& facts, const SchemaJson& value);
  Result<bool> valid_object(const SchemaFacts& facts, const SchemaJson& value);
  Result<bool> disjoint_choices(const SchemaFacts& a, const SchemaFacts& b, int depth);
  Result<bool> disjoint_type(uint8_t type, const SchemaFacts& a, const SchemaFacts& b, int depth);

  SchemaDocument document_;
  CompileBudget budget_;
  std::map<std::pair<bool, std::string>, Dfa> patterns_;
};

uint8_t type_of(const SchemaJson& value);

}  // namespace gannet
