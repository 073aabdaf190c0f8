#include "network/admin_client.h"

#include <grpcpp/create_channel.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "kiln/v1/admin.grpc.pb.h"
#include "network/convert.h"

namespace kiln::network {
namespace {

// The totals under this name; null when there are none.
template <typename Kind, typename Array>
auto* FindTotals(const std::string& name, Array* totals) {
  for (size_t i = 0; i < totals->size(); ++i) {
    if (NameOf(static_cast<Kind>(i)) == name) return &(*totals)[i];
  }
  return static_cast<typename Array::value_type*>(nullptr);
}

template <typename Kind>
std::string Name(size_t i) {
  return std::string(NameOf(static_cast<Kind>(i)));
}

}  // namespace

absl::StatusOr<ProfileSnapshot> AskProfile(const std::string& admin_socket,
                                           absl::Duration timeout) {
  const auto stub = v1::Admin::NewStub(
      grpc::CreateChannel(absl::StrCat("unix:", admin_socket), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(WallNow() + timeout));
  v1::ProfileReply reply;
  const absl::Status asked = FromGrpcStatus(stub->GetProfile(&context, {}, &reply));
  if (!asked.ok()) return Annotate(asked, absl::StrCat("admin socket ", admin_socket));
  return FromProto(reply);
}

void ToProto(const ProfileSnapshot& profile, v1::ProfileReply* to) {
  to->set_monotonic_ns(profile.monotonic_ns);
  to->set_process_cpu_ns(profile.process_cpu_ns);
  for (size_t i = 0; i < kStageCount; ++i) {
    v1::StageTotals* const stage = to->add_stages();
    stage->set_name(Name<Stage>(i));
    stage->set_calls(profile.stages[i].calls);
    stage->set_items(profile.stages[i].items);
    stage->set_wall_ns(profile.stages[i].wall_ns);
    stage->set_cpu_ns(profile.stages[i].cpu_ns);
  }
  for (size_t i = 0; i < kLegCount; ++i) {
    v1::LegTotals* const leg = to->add_legs();
    leg->set_name(Name<Leg>(i));
    leg->set_count(profile.legs[i].count);
    leg->set_ns(profile.legs[i].ns);
  }
  for (size_t i = 0; i < kDepthCount; ++i) {
    v1::DepthTotals* const depth = to->add_depths();
    depth->set_name(Name<Depth>(i));
    depth->set_samples(profile.depths[i].samples);
    depth->set_sum(profile.depths[i].sum);
    depth->set_highest(profile.depths[i].highest);
  }
}

ProfileSnapshot FromProto(const v1::ProfileReply& reply) {
  ProfileSnapshot profile{.monotonic_ns = reply.monotonic_ns(),
                          .process_cpu_ns = reply.process_cpu_ns()};
  for (const v1::StageTotals& stage : reply.stages()) {
    if (StageTotals* const to = FindTotals<Stage>(stage.name(), &profile.stages)) {
      *to = {stage.calls(), stage.items(), stage.wall_ns(), stage.cpu_ns()};
    }
  }
  for (const v1::LegTotals& leg : reply.legs()) {
    if (LegTotals* const to = FindTotals<Leg>(leg.name(), &profile.legs)) {
      *to = {leg.count(), leg.ns()};
    }
  }
  for (const v1::DepthTotals& depth : reply.depths()) {
    if (DepthTotals* const to = FindTotals<Depth>(depth.name(), &profile.depths)) {
      *to = {depth.samples(), depth.sum(), depth.highest()};
    }
  }
  return profile;
}

}  // namespace kiln::network
