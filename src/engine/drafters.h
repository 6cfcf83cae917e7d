// From options to drafters: which sources a model and its session can have.
#pragma once

#include <memory>
#include <vector>

#include "draft/drafter.h"
#include "draft/options.h"
#include "engine/draft_vocabulary.h"
#include "engine/session.h"
#include "text/vocabulary.h"

namespace gannet {

// What the session of a target needs for these options: rows that can be taken back, and what the MTP block
// remembers.
void fit_session(SessionOptions& session, const SpeculationOptions& options, const Hyperparameters& hp);

// A model that drafts, and how it is run.
struct DraftModel {
  std::shared_ptr<const Model> model;  // null: there is none
  SessionOptions session;
};

// Drafters in order of priority, none for kOff, for so many streams at once. The vocabulary is the session's
// and outlives them. `counts`: what texts consist of, for the tokens that the MTP block may draft. Errors:
// kUsage naming a source that this model cannot have, those of the sources.
Result<std::vector<std::unique_ptr<Drafter>>> make_drafters(Session& session, const Vocabulary& vocabulary,
                                                            const SpeculationOptions& options,
                                                            int n_streams = 1, const DraftModel& draft = {},
                                                            TokenCounts counts = {});

// What steps of 1 .. kExactRows rows cost, in steps of one row, by the bytes that they read and a little
// arithmetic: what is believed before anything is measured.
std::vector<double> guessed_row_costs(const Model& model);

}  // namespace gannet
