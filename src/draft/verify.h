// The token at a place for which there is a draft. With shared noise it is what the sampler chooses anyhow,
// and the draft was right if it is the same. Rejection (Leviathan et al. 2211.17192, Chen et al. 2302.01318)
// accepts more of what a drafter drew from its own distribution and keeps the target's distribution, but not
// the very text.
#pragma once

#include "draft/drafter.h"
#include "draft/options.h"

namespace gannet {

// Keys of noise beside the sampler's own: added to the seed, so that draws are independent of each other and
// of those of drafts (engine/draft_choice.h).
inline constexpr uint64_t kAcceptNoise = 0xbf58476d1ce4e5b9;    // whether a draft is accepted
inline constexpr uint64_t kResidualNoise = 0x94d049bb133111eb;  // what comes instead

// Arguments and errors as Sampler::sample(); the draft was right if the result is its token. At temperature
// 0 the likeliest token in either mode.
Result<TokenId> choose_token(Sampler& sampler, const LogitsRow& logits, uint64_t position,
                             std::span<const TokenId> history, const DraftToken& draft,
                             Verification verification, const SampleContext& context = {});

}  // namespace gannet
