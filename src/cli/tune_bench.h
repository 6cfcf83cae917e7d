// Measures a model on this machine: sessions with the settings that are asked for, and rounds of a decoder in
// them, so that what is timed is what answers will be made of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/tuner.h"
#include "engine/decoder.h"

namespace gannet {

struct ModelBenchOptions {
  SessionOptions session;  // all but threads and micro-batch; n_ctx says how long sequences get
  SamplingParams sampling;
  std::vector<TokenId> text;              // what is read and written, again and again: experts depend on it
  std::function<bool()> keep_going = {};  // asked now and then; null: yes
};

class ModelBench final : public TuneBench {
 public:
  // `vocabulary` must outlive it. Errors: a sampler that cannot be.
  static Result<std::unique_ptr<ModelBench>> create(std::shared_ptr<const Model> model,
                                                    const Vocabulary& vocabulary, ModelBenchOptions options);
  ~ModelBench() override;

  double now() override;
  double waited() override;
  Result<double> step(const TunedSettings& settings, int n_rows, int64_t n_past) override;
  Result<double> prompt(const TunedSettings& settings, int n_tokens) override;
  Result<double> draft(const TunedSettings& settings, int n_tokens) override;
  void keep_only(std::span<const TunedSettings> settings) override;

 private:
  class Script;
  struct Text;
  struct Place;
  ModelBench(std::shared_ptr<const Model> model, const Vocabulary& vocabulary, ModelBenchOptions options,
             Sampler sampler);
  // The session for these settings, with its threads awake.
  Result<Place*> place_for(const TunedSettings& settings);
  Result<Text*> text_at(Place& place, int64_t n_past);
  Result<void> read(Decoder& decoder, Stream& stream, int64_t n_tokens, int64_t n_predict);
  Result<double> round(Decoder& decoder, Stream& stream);
  Result<double> verify(Place& place, Text& text, int n_rows);
  std::vector<TokenId> text_from(size_t position, int64_t n) const;
  Result<void> go_on() const;

  std::shared_ptr<const Model> model_;
  const Vocabulary& vocabulary_;
  ModelBenchOptions options_;
  Sampler sampler_;
  std::vector<TokenId> text_;  // twice
  std::vector<std::unique_ptr<Place>> places_;
  Place* awake_ = nullptr;
};

}  // namespace gannet
