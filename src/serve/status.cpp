#include "serve/status.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// Lines of one metric. Numbers as Prometheus reads them.
class Metrics {
 public:
  void add(const char* kind, const std::string& name, const char* help, double value) {
    head(kind, name, help);
    text_ += fmt::format("{} {:.15g}\n", name, value);
  }
  void counter(const std::string& name, const char* help, double value) { add("counter", name, help, value); }
  void gauge(const std::string& name, const char* help, double value) { add("gauge", name, help, value); }
  void histogram(const std::string& name, const char* help, const Latencies& latencies) {
    head("histogram", name, help);
    uint64_t n = 0;
    for (size_t i = 0; i < Latencies::kBounds.size(); ++i) {
      n += latencies.counts[i];
      text_ += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, Latencies::kBounds[i], n);
    }
    n += latencies.counts.back();
    text_ += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2:.15g}\n{0}_count {1}\n", name, n,
                         latencies.sum);
  }
  void by_place(const std::string& name, const char* help, const std::vector<uint64_t>& values) {
    head("counter", name, help);
    for (size_t i = 0; i < values.size(); ++i)
      text_ += fmt::format("{}{{position=\"{}\"}} {}\n", name, i, values[i]);
  }
  std::string take() { return std::move(text_); }

 private:
  void head(const char* kind, const std::string& name, const char* help) {
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, kind);
  }
  std::string text_;
};

void add(Latencies& to, const Latencies& from) {
  for (size_t i = 0; i < to.counts.size(); ++i) to.counts[i] += from.counts[i];
  to.sum += from.sum;
}

void add(SchedulerCounters& to, const SchedulerCounters& c) {
  for (const auto member :
       {&SchedulerCounters::submitted, &SchedulerCounters::refused, &SchedulerCounters::finished,
        &SchedulerCounters::failed, &SchedulerCounters::cancelled, &SchedulerCounters::prompt_tokens,
        &SchedulerCounters::cached_tokens, &SchedulerCounters::stored_tokens,
        &SchedulerCounters::generated_tokens, &SchedulerCounters::steps,
        &SchedulerCounters::steps_with_prompts, &SchedulerCounters::answers_in_steps,
        &SchedulerCounters::drafts, &SchedulerCounters::drafted_tokens, &SchedulerCounters::accepted_tokens})
    to.*member += c.*member;
  for (const auto member :
       {&SchedulerCounters::running, &SchedulerCounters::reading, &SchedulerCounters::waiting,
        &SchedulerCounters::paused, &SchedulerCounters::fetching})
    to.*member += c.*member;
  for (const auto member : {&SchedulerCounters::first_token, &SchedulerCounters::between_tokens,
                            &SchedulerCounters::whole, &SchedulerCounters::queue})
    add(to.*member, c.*member);
  to.prompt_seconds += c.prompt_seconds;
  to.generate_seconds += c.generate_seconds;
  to.longest = std::max(to.longest, c.longest);
  to.accepted_by_place.resize(std::max(to.accepted_by_place.size(), c.accepted_by_place.size()));
  for (size_t i = 0; i < c.accepted_by_place.size(); ++i) to.accepted_by_place[i] += c.accepted_by_place[i];
}

double ratio(double a, double b) {
  return b > 0 ? a / b : 0;
}

}  // namespace

std::string write_props(ModelService& service, const ModelCard& card, const std::string& version) {
  GenerationRequest none;
  none.dialect = Dialect::kNative;
  Json settings = Json::object();
  if (const auto params = service.maker().sampling(none); params.ok())
    settings = write_settings(none, *params);
  const ChatTemplate* chat = service.maker().chat_template();
  const Json all = {{"default_generation_settings", {{"params", settings}, {"n_ctx", service.n_ctx()}}},
                    {"total_slots", service.scheduler().slots().size()},
                    {"model_alias", card.id},
                    {"model_path", card.path},
                    {"chat_template", card.chat_template},
                    {"chat_template_caps",
                     {{"supports_tools", card.tools},
                      {"supports_tool_calls", card.tools},
                      {"supports_preserve_reasoning", card.thoughts},
                      {"has_template", chat != nullptr}}},
                    {"modalities", {{"vision", false}, {"audio", false}}},
                    {"build_info", "gannet " + version},
                    {"is_sleeping", false}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string write_props_asleep(const std::string& version) {
  return Json{{"total_slots", 0}, {"build_info", "gannet " + version}, {"is_sleeping", true}}.dump();
}

std::string write_slots(ModelService& service) {
  Json all = Json::array();
  const std::vector<SlotFacts> slots = service.scheduler().slots();
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotFacts& slot = slots[i];
    const auto n_decoded = static_cast<int64_t>(slot.n_generated);
    all.push_back(
        {{"id", i},
         {"id_task", slot.request == 0 ? Json(-1) : Json(slot.request)},
         {"n_ctx", service.n_ctx()},
         {"speculative", service.scheduler().speculates()},
         {"is_processing", slot.busy},
         {"is_paused", slot.paused},
         {"n_prompt_tokens", slot.n_prompt},
         {"n_prompt_tokens_processed", slot.n_read - std::min(slot.n_read, slot.n_cached)},
         {"n_prompt_tokens_cache", slot.n_cached},
         {"next_token", Json::array({{{"has_next_token", slot.busy},
                                      {"n_remain", slot.n_predict < 0 ? -1 : slot.n_predict - n_decoded},
                                      {"n_decoded", n_decoded}}})}});
  }
  return all.dump();
}

std::string write_metrics(const ModelPool& pool) {
  SchedulerCounters c;
  int64_t state_bytes = 0, state_limit = 0, kept_given_up = 0, stored_bytes = 0;
  size_t n_loaded = 0, n_slots = 0;
  for (size_t i = 0; i < pool.size(); ++i) {
    const ModelLease service = pool.peek(i);
    if (service == nullptr) continue;
    ++n_loaded;
    add(c, service->scheduler().counters());
    n_slots += service->scheduler().slots().size();
    const StatePool& states = service->session().pool();
    const StateCounters s = states.counters();
    state_bytes += s.bytes_in_use;
    state_limit += states.options().most_bytes;
    kept_given_up += s.given_up;
    if (const StateStore* store = service->options().scheduler.store) stored_bytes += store->counters().bytes;
  }
  const auto n = [](auto value) { return static_cast<double>(value); };
  const double processing = n(c.running + c.reading + c.fetching);
  Metrics m;
  const std::string l = "llamacpp:", v = "vllm:", g = "gannet_";
  m.counter(l + "prompt_tokens_total", "Tokens of prompts that were read", n(c.prompt_tokens));
  m.counter(l + "prompt_tokens_cached_total", "Tokens of prompts that were not read again",
            n(c.cached_tokens));
  m.counter(l + "prompt_seconds_total", "Time of reading prompts", c.prompt_seconds);
  m.counter(l + "tokens_predicted_total", "Tokens generated", n(c.generated_tokens));
  m.counter(l + "tokens_predicted_seconds_total", "Time of generating", c.generate_seconds);
  m.gauge(l + "prompt_tokens_seconds", "Tokens of prompts read per second, of a request",
          ratio(n(c.prompt_tokens), c.prompt_seconds));
  m.gauge(l + "predicted_tokens_seconds", "Tokens generated per second, of a request",
          ratio(n(c.generated_tokens), c.generate_seconds));
  m.gauge(l + "requests_processing", "Requests being answered", processing);
  m.gauge(l + "requests_deferred", "Requests that wait", n(c.waiting));
  m.counter(l + "n_tokens_max", "Tokens of the longest text", n(c.longest));
  m.counter(l + "n_decode_total", "Steps of the model", n(c.steps));
  m.gauge(l + "n_busy_slots_per_decode", "Answers that a step goes on with",
          ratio(n(c.answers_in_steps), n(c.steps)));
  m.counter(l + "spec_decode_num_drafts_total", "Drafts that were verified", n(c.drafts));
  m.counter(l + "spec_decode_num_draft_tokens_total", "Tokens of drafts that were verified",
            n(c.drafted_tokens));
  m.counter(l + "spec_decode_num_accepted_tokens_total", "Of these, the right ones", n(c.accepted_tokens));
  m.by_place(l + "spec_decode_num_accepted_tokens_per_pos_total", "Right ones by their place in the draft",
             c.accepted_by_place);
  m.histogram(v + "time_to_first_token_seconds", "From the request to the first token", c.first_token);
  m.histogram(v + "inter_token_latency_seconds", "From token to token", c.between_tokens);
  m.histogram(v + "e2e_request_latency_seconds", "From the request to its end", c.whole);
  m.histogram(v + "request_queue_time_seconds", "Until a request has its turn", c.queue);
  m.gauge(v + "num_requests_running", "Requests being answered", processing);
  m.gauge(v + "num_requests_waiting", "Requests that wait", n(c.waiting));
  m.gauge(v + "kv_cache_usage_perc", "Share of the memory for states that is in use",
          ratio(n(state_bytes), n(state_limit)));
  m.counter(v + "prefix_cache_queries", "Tokens of prompts", n(c.prompt_tokens + c.cached_tokens));
  m.counter(v + "prefix_cache_hits", "Tokens of prompts that were not read again", n(c.cached_tokens));
  m.counter(g + "requests_total", "Requests that were taken", n(c.submitted));
  m.counter(g + "requests_refused_total", "Requests for which the queue was full", n(c.refused));
  m.counter(g + "requests_failed_total", "Requests that failed alone", n(c.failed));
  m.counter(g + "requests_cancelled_total", "Requests whose clients went away", n(c.cancelled));
  m.counter(g + "prompt_tokens_stored_total", "Of the cached tokens, those that came from disk",
            n(c.stored_tokens));
  m.counter(g + "steps_with_prompts_total", "Steps that read a piece of a prompt", n(c.steps_with_prompts));
  m.gauge(g + "requests_reading", "Requests whose prompt is being read", n(c.reading));
  m.gauge(g + "requests_fetching", "Requests that wait for what is on disk", n(c.fetching));
  m.gauge(g + "answers_paused", "Answers that wait for their readers", n(c.paused));
  m.gauge(g + "slots", "Answers that can go on at once", n(n_slots));
  m.gauge(g + "models_loaded", "Models in memory", n(n_loaded));
  m.gauge(g + "state_bytes", "Memory in use by states, those that are remembered included", n(state_bytes));
  m.counter(g + "states_given_up_total", "Remembered states that made room", n(kept_given_up));
  m.gauge(g + "stored_bytes", "Disk in use by states", n(stored_bytes));
  return m.take();
}

}  // namespace gannet
