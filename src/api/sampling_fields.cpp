// What a request says about sampling: one table for reading and for putting it over parameters.
#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "api/generation.h"
#include "api/request_fields.h"
#include "base/printable.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
struct Setting {
  const char* names[3];  // the first one wins
  std::optional<T> SamplingRequest::*request;
  T SamplingParams::*params;
};

using R = SamplingRequest;
using P = SamplingParams;

constexpr Setting<float> kFloats[] = {
    {{"temperature"}, &R::temperature, &P::temperature},
    {{"dynatemp_range"}, &R::dynatemp_range, &P::dynatemp_range},
    {{"dynatemp_exponent"}, &R::dynatemp_exponent, &P::dynatemp_exponent},
    {{"top_p"}, &R::top_p, &P::top_p},
    {{"min_p"}, &R::min_p, &P::min_p},
    {{"typical_p", "typ_p"}, &R::typical_p, &P::typical_p},
    {{"top_n_sigma"}, &R::top_n_sigma, &P::top_n_sigma},
    {{"xtc_probability"}, &R::xtc_probability, &P::xtc_probability},
    {{"xtc_threshold"}, &R::xtc_threshold, &P::xtc_threshold},
    {{"repeat_penalty", "repetition_penalty"}, &R::repeat_penalty, &P::repeat_penalty},
    {{"presence_penalty"}, &R::presence_penalty, &P::presence_penalty},
    {{"frequency_penalty"}, &R::frequency_penalty, &P::frequency_penalty},
    {{"dry_multiplier"}, &R::dry_multiplier, &P::dry_multiplier},
    {{"dry_base"}, &R::dry_base, &P::dry_base},
    {{"adaptive_target"}, &R::adaptive_target, &P::adaptive_target},
    {{"adaptive_decay"}, &R::adaptive_decay, &P::adaptive_decay},
    {{"mirostat_tau"}, &R::mirostat_tau, &P::mirostat_tau},
    {{"mirostat_eta"}, &R::mirostat_eta, &P::mirostat_eta},
};
constexpr Setting<int> kInts[] = {
    {{"top_k"}, &R::top_k, &P::top_k},
    {{"min_keep"}, &R::min_keep, &P::min_keep},
    {{"repeat_last_n"}, &R::repeat_last_n, &P::repeat_last_n},
    {{"dry_allowed_length"}, &R::dry_allowed_length, &P::dry_allowed_length},
    {{"dry_penalty_last_n"}, &R::dry_penalty_last_n, &P::dry_penalty_last_n},
    {{"mirostat"}, &R::mirostat, &P::mirostat},
};

template <class T>
void read_settings(const Fields& fields, std::span<const Setting<T>> settings, SamplingRequest* sampling) {
  for (const Setting<T>& setting : settings) {
    for (const char* name : setting.names) {
      const Json* said = name ? fields.find(name) : nullptr;
      if (!said || sampling->*setting.request) continue;
      T value;
      if constexpr (std::is_same_v<T, int>) {
        value = 0;
        fields.integer(name, &value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
      } else {
        std::optional<double> number;
        fields.number(name, &number);
        value = static_cast<T>(number.value_or(0));
      }
      if (!fields.ok()) return;
      if (const char* wanted = must_be(setting.params, value)) {
        return fields.fail(name, fmt::format("is {}; it must be {}", said->dump(), wanted));
      }
      sampling->*setting.request = value;
    }
  }
}

void read_seed(const Fields& fields, SamplingRequest* sampling) {
  const Json* said = fields.find("seed");
  if (!said) return;
  if (said->is_number_unsigned()) {
    sampling->seed = said->get<uint64_t>();
    return;
  }
  const auto number = json_integer(*said);
  if (!number) return fields.fail("seed", "must be an integer; -1 and null draw one");
  if (*number != -1) sampling->seed = static_cast<uint64_t>(*number);
}

// Names in a list or, in one string, letters.
void read_steps(const Fields& fields, SamplingRequest* sampling) {
  const Json* said = fields.find("samplers");
  if (!said) return;
  if (!said->is_string() && !said->is_array()) {
    return fields.fail_kind("samplers", "an array of names or a string of letters", *said);
  }
  std::string names;
  if (said->is_array()) {
    std::vector<std::string> list;
    fields.texts("samplers", &list);
    for (const std::string& name : list) names += (names.empty() ? "" : ";") + name;
  }
  if (!fields.ok()) return;
  auto steps =
      said->is_string() ? steps_from_letters(said->get_ref<const std::string&>()) : steps_from_names(names);
  if (!steps.ok()) return fields.fail("samplers", steps.error().message());
  sampling->steps = steps.take();
}

// {"TOKEN or text": bias}, or [[token or text, bias or false]].
void read_bias(const Fields& fields, SamplingRequest* sampling) {
  constexpr std::string_view kKey = "logit_bias";
  const Json* said = fields.find(kKey);
  if (!said) return;
  constexpr int64_t kMostToken = std::numeric_limits<TokenId>::max();
  const auto add = [&](const std::string& where, std::variant<TokenId, std::string> what, const Json& value) {
    float bias = -std::numeric_limits<float>::infinity();
    if (value.is_number()) {
      bias = static_cast<float>(value.get<double>());
      if (!std::isfinite(bias)) return fields.fail(where, "the bias is too large");
    } else if (value != false) {
      return fields.fail(where, fmt::format("the bias must be a number or false, not {}", json_kind(value)));
    }
    if (const auto* text = std::get_if<std::string>(&what); text && text->empty()) {
      return fields.fail(where, "biases an empty text");
    }
    sampling->logit_bias.push_back({std::move(what), bias});
  };
  if (said->is_object()) {
    for (const auto& [name, value] : said->items()) {
      const std::string where = fmt::format("{}.{}", kKey, printable(name, 64));
      if (name.empty() || name.size() > 10 || name.find_first_not_of("0123456789") != std::string::npos) {
        add(where, name, value);
      } else if (const int64_t token = std::stoll(name); token <= kMostToken) {
        add(where, static_cast<TokenId>(token), value);
      } else {
        fields.fail(where, "is no token");
      }
    }
    return;
  }
  if (!said->is_array()) return fields.fail_kind(kKey, "an object or an array of pairs", *said);
  for (size_t i = 0; i < said->size() && fields.ok(); ++i) {
    const Json& pair = (*said)[i];
    const std::string where = fmt::format("{}[{}]", kKey, i);
    if (!pair.is_array() || pair.size() != 2)
      return fields.fail(where, "must be a pair: a token or text, and a bias");
    if (pair[0].is_string()) {
      add(where, pair[0].get<std::string>(), pair[1]);
    } else if (const auto token = json_integer(pair[0]); token && *token >= 0 && *token <= kMostToken) {
      add(where, static_cast<TokenId>(*token), pair[1]);
    } else {
      fields.fail(where, "must begin with a token (0 or more) or a text");
    }
  }
}

}  // namespace

void read_sampling(const Fields& fields, SamplingRequest* sampling) {
  read_settings<float>(fields, kFloats, sampling);
  read_settings<int>(fields, kInts, sampling);
  read_seed(fields, sampling);
  read_steps(fields, sampling);
  if (fields.has("dry_sequence_breakers")) {
    sampling->dry_breakers.emplace();
    fields.texts("dry_sequence_breakers", &*sampling->dry_breakers);
  }
  read_bias(fields, sampling);
}

void SamplingRequest::apply_to(SamplingParams* to) const {
  for (const auto& setting : kFloats)
    if (this->*setting.request) to->*setting.params = *(this->*setting.request);
  for (const auto& setting : kInts)
    if (this->*setting.request) to->*setting.params = *(this->*setting.request);
  if (steps) to->steps = *steps;
  if (seed) to->seed = *seed;
}

}  // namespace gannet
