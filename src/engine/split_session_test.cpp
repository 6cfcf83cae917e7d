// Models that lie on two devices: one whose memory the host cannot touch, and the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/testing/guarded_device.h"
#include "engine/made_model_for_test.h"
#include "engine/mtp_drafter.h"
#include "engine/texts_for_test.h"

namespace gannet {
namespace {

PlacementOptions layers(int64_t n) {
  PlacementOptions o;
  o.layers = n;
  return o;
}
PlacementOptions cpu_experts(int64_t n) {
  PlacementOptions o;
  o.cpu_experts = n;
  return o;
}
PlacementOptions rules(const char* text) {
  PlacementOptions o;
  o.rules = placement_rules(text, "guarded").take();
  return o;
}

SessionOptions on(std::shared_ptr<Device> device, const PlacementOptions& placement = {}) {
  SessionOptions o;
  o.n_threads = 1;
  o.n_ctx = 512;
  o.device = std::move(device);
  o.placement = placement;
  return o;
}

// Logits of a prompt in two pieces and of a few tokens behind it, one by one.
std::vector<float> logits_of(const std::shared_ptr<const Model>& model, const SessionOptions& options) {
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok()) << session.error().message();
  if (!session.ok()) return {};
  SequenceState sequence = (*session)->new_sequence();
  const auto n_vocab = static_cast<int32_t>(model->hyperparameters().n_vocab);
  std::vector<int32_t> tokens;
  for (int i = 0; i < 90; ++i) tokens.push_back(37 * i % std::min(n_vocab, 900));
  std::vector<float> all;
  const auto step = [&](std::span<const int32_t> piece) {
    const ForwardRows rows = (*session)->forward(sequence, piece, LogitRows::kLast, true).take();
    const float* row = rows.logits.f32(0);
    all.insert(all.end(), row, row + rows.logits.shape.last());
    const auto* hidden = rows.hidden.as<float>();
    all.insert(all.end(), hidden, hidden + rows.hidden.shape.elements());
  };
  step(std::span(tokens).first(77));
  step(std::span(tokens).subspan(77, 9));
  for (size_t i = 86; i < 90; ++i) step(std::span(tokens).subspan(i, 1));
  return all;
}

double nmse(std::span<const float> expected, std::span<const float> got) {
  double error = 0, energy = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double{expected[i]} - double{got[i]}, 2);
    energy += std::pow(double{expected[i]}, 2);
  }
  return error / energy;
}

// Both run kernels of the CPU, so the bits are the same, but for ops that were taken apart since their
// weights lie on both.
TEST(SplitSession, LogitsAreThoseOfOneDevice) {
  const MadeModel experts(Architecture::kQwen35Moe), next(Architecture::kQwen3Next),
      plain(Architecture::kQwen3Moe, "Q4_0");
  for (const auto& model : {pocket(), experts.model, next.model, plain.model}) {
    const std::vector<float> expected = logits_of(model, on(nullptr));
    const int64_t n_layers = model->hyperparameters().n_trunk() + 1;
    std::vector<PlacementOptions> all = {layers(1), layers(n_layers - 1), cpu_experts(999)};
    if (model == pocket() || model == experts.model)
      all.insert(all.end(),
                 {layers(0), layers(n_layers / 2), layers(999), cpu_experts(1), rules("ffn_down=CPU"),
                  rules("blk\\.1\\.=cpu,token_embd=CPU"), rules("attn_.*weight$=CPU,ssm=guarded")});
    for (const PlacementOptions& placement : all) {
      const std::vector<float> got = logits_of(model, on(std::make_shared<GuardedDevice>(), placement));
      ASSERT_EQ(got.size(), expected.size());
      SCOPED_TRACE(model->type_text() + ": layers " + std::to_string(placement.layers.value_or(-1)) +
                   ", experts " + std::to_string(placement.cpu_experts.value_or(-1)) + ", rules " +
                   (placement.rules.empty() ? "" : placement.rules[0].pattern));
      if (placement.layers) {
        EXPECT_TRUE(same_bits(got, expected)) << nmse(expected, got);
      }
      // Of the pocket model products round their activations to 8 bits.
      EXPECT_LE(nmse(expected, got), model == pocket() ? 1e-3 : 1e-7);
    }
  }
}

TEST(SplitSession, TextsAreTheSameWithAndWithoutDrafts) {
  const MadeModel made(Architecture::kQwen35Moe, "Q4_K_M", true);
  std::vector<std::vector<TokenId>> prompts(2);
  for (int32_t i = 0; i < 90; ++i) prompts[i < 10 ? 0 : 1].push_back(i * 37 % 997);
  for (const auto& model : {pocket(), made.model})
    for (const PlacementOptions& placement :
         {layers(0), layers(3), cpu_experts(1), rules("blk\\.2\\.=CPU")}) {
      std::vector<std::vector<TokenId>> plain;
      for (const int n_draft : {0, 3}) {
        SessionOptions options = on(std::make_shared<GuardedDevice>(), placement);
        options.mtp = true;
        Texts t(2, options, Texts::greedy(), model);
        auto drafter = MtpDrafter::create(*t.session, {.n_slots = 2}).take();
        for (size_t i = 0; i < 2; ++i) drafter->attach(static_cast<int>(i), &t.texts[i].sequence);
        t.drafter = std::move(drafter);
        for (int i = 0; i < 2; ++i) t.read(i, prompts[static_cast<size_t>(i)]);
        t.write(24, n_draft);
        for (size_t i = 0; i < 2; ++i) {
          if (n_draft == 0) plain.push_back(t.texts[i].history);
          EXPECT_EQ(t.texts[i].history, plain[i]) << "layers " << placement.layers.value_or(-1);
        }
      }
    }
}

// What does not fit stays on the CPU: experts before layers.
TEST(SplitSession, FitsTheMemoryThatThereIs) {
  const MadeModel made(Architecture::kQwen35Moe);
  const std::vector<float> expected = logits_of(made.model, on(nullptr));
  const auto weights = [&](const Session& session, size_t home) {
    return session.placement().weight_bytes(made.model->weights(), home);
  };
  const auto whole = Session::create(made.model, on(std::make_shared<GuardedDevice>())).take();
  EXPECT_FALSE(whole->placement().split());
  EXPECT_TRUE(whole->warnings().empty());
  const int64_t scratch = int64_t{256} << 20;
  int64_t before = weights(*whole, kDeviceHome);
  for (const double share : {0.99, 0.7, 0.3, 0.0}) {
    GuardedOptions limited;
    limited.limit = scratch + (int64_t{8} << 20) + static_cast<int64_t>(share * static_cast<double>(before));
    SessionOptions options = on(std::make_shared<GuardedDevice>(limited));
    options.placement.margin = int64_t{8} << 20;
    const auto session = Session::create(made.model, options).take();
    EXPECT_TRUE(session->placement().split()) << share;
    ASSERT_EQ(session->warnings().size(), 1u);
    EXPECT_LE(weights(*session, kDeviceHome), share * static_cast<double>(before)) << session->warnings()[0];
    EXPECT_GT(weights(*session, kCpuHome), 0);
    EXPECT_LE(nmse(expected, logits_of(made.model, options)), 1e-5);
  }
}

TEST(SplitSession, SaysWhatIsNoRule) {
  EXPECT_FALSE(placement_rules("exps", "vulkan0").ok());
  EXPECT_FALSE(placement_rules("exps=vulkan1", "vulkan0").ok());
  EXPECT_FALSE(placement_rules("", "vulkan0").ok());
  const auto broken = Session::create(pocket(), on(std::make_shared<GuardedDevice>(), rules("(=CPU")));
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code(), ErrorCode::kUsage);
  EXPECT_NE(broken.error().message().find("no regular expression"), std::string::npos);
}

}  // namespace
}  // namespace gannet
