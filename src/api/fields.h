// Reading members of JSON objects by name. The first thing that is wrong is kept, with the path of the field;
// what comes after it is read as if it were missing, so that readers need no check after every field:
//
//   std::optional<Error> problem;
//   Fields fields(body, "", &problem);
//   fields.boolean("stream", &request.stream);
//   if (problem) return *problem;
//
// A member that is null is missing. `out` keeps its value when the member is missing.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gannet {

class Fields {
 public:
  using Json = nlohmann::ordered_json;
  static constexpr int64_t kNoMost = std::numeric_limits<int64_t>::max();

  // `json` and `problem` must outlive it. A `json` that is no object is the first problem.
  Fields(const Json& json, std::string where, std::optional<Error>* problem);

  // Null when it is missing.
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::string path(std::string_view key) const;
  bool ok() const { return !problem_->has_value(); }
  std::optional<Error>* problem() const { return problem_; }

  // "KEY: WHAT"
  void fail(std::string_view key, std::string_view what) const;
  void fail_kind(std::string_view key, std::string_view wanted, const Json& json) const;
  // When the member is there and says more than null, false, 0 or an empty list, object or text.
  void refuse(std::string_view key, std::string_view why) const;

  void boolean(std::string_view key, bool* out) const;
  void boolean(std::string_view key, std::optional<bool>* out) const;
  // Numbers like 3.0 are integers.
  void integer(std::string_view key, int64_t* out, int64_t least, int64_t most = kNoMost) const;
  void integer(std::string_view key, std::optional<int64_t>* out, int64_t least,
               int64_t most = kNoMost) const;
  void integer(std::string_view key, int* out, int least, int most) const;
  void number(std::string_view key, std::optional<double>* out) const;  // finite
  void text(std::string_view key, std::string* out) const;
  void needed_text(std::string_view key, std::string* out) const;
  // A text or a list of texts; empty ones are left out.
  void texts(std::string_view key, std::vector<std::string>* out) const;
  // One of `names`; its index. -1: missing or wrong.
  int one_of(std::string_view key, std::initializer_list<std::string_view> names) const;
  // The members of an object; of one without members when it is missing or wrong.
  Fields object(std::string_view key) const;
  // The items of a list; none when it is missing or wrong.
  const Json& list(std::string_view key) const;

 private:
  const Json* json_;
  std::string where_;
  std::optional<Error>* problem_;
};

std::string_view json_kind(const nlohmann::ordered_json& json);  // "a boolean", ...

// An integer, also one written as 3.0; nothing if it is none or too large.
std::optional<int64_t> json_integer(const nlohmann::ordered_json& json);

}  // namespace gannet
