// Health for orchestrators, and the operator's service on its socket and nowhere else.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "kiln/v1/admin.grpc.pb.h"
#include "kiln/v1/client.pb.h"
#include "network/admin_client.h"
#include "network/admin_socket.h"
#include "network/convert.h"
#include "network/kiln_service.h"
#include "tests/network/client_test_server.h"

namespace kiln::network {
namespace {

namespace health = ::grpc::health::v1;
using ::testing::HasSubstr;

// A folder of its own for each test, removed afterwards.
class AdminTest : public testing::Test {
 protected:
  AdminTest() {
    std::string pattern = "/tmp/kiln-admin-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~AdminTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/admin.sock"; }
  std::unique_ptr<v1::Admin::Stub> Operator() const {
    return v1::Admin::NewStub(
        grpc::CreateChannel("unix:" + path(), grpc::InsecureChannelCredentials()));
  }
  // What a process that was killed leaves behind.
  void LeaveStaleSocket() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    close(fd);
  }

  std::string folder_;
};

TEST_F(AdminTest, ServesTheOperatorOnASocketOfMode0600) {
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  struct stat info {};
  ASSERT_EQ(lstat(path().c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const auto stub = Operator();
  v1::StatusReply status;
  ASSERT_TRUE(stub->GetStatus(NewContext().get(), {}, &status).ok());
  EXPECT_EQ(status.validator_name(), "v0");
  v1::SetLogLevelRequest level;
  v1::SetLogLevelReply level_reply;
  level.set_level("debug");
  EXPECT_TRUE(stub->SetLogLevel(NewContext().get(), level, &level_reply).ok());
  level.set_level("loud");
  EXPECT_EQ(stub->SetLogLevel(NewContext().get(), level, &level_reply).error_message(),
            "no log level loud");
  level.set_level(std::string(1000, 'x'));
  EXPECT_EQ(stub->SetLogLevel(NewContext().get(), level, &level_reply).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::StopReply stop_reply;
  EXPECT_FALSE(chain.stop_requested());
  EXPECT_TRUE(stub->Stop(NewContext().get(), {}, &stop_reply).ok());
  EXPECT_TRUE(chain.stop_requested());
}

TEST_F(AdminTest, GivesEveryFigureOfTheProfile) {
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  const absl::StatusOr<ProfileSnapshot> asked = AskProfile(path(), absl::Seconds(60));
  ASSERT_TRUE(asked.ok()) << asked.status();
  v1::ProfileReply sent;
  v1::ProfileReply got;
  ToProto(FakeChain::Profile(), &sent);
  ToProto(*asked, &got);
  EXPECT_EQ(got.DebugString(), sent.DebugString());
  EXPECT_EQ(asked->stages.back().cpu_ns, 3 + 4 * kStageCount - 1);
  EXPECT_EQ(asked->depths.back().highest, 2 + 4 * kStageCount + 2 * kLegCount + 3 * kDepthCount);
}

TEST_F(AdminTest, PassesOverFiguresThatItDoesNotKnow) {
  v1::ProfileReply reply;
  reply.add_stages()->set_name("of a later version");
  v1::StageTotals* const step = reply.add_stages();
  step->set_name("step");
  step->set_calls(5);
  ProfileSnapshot profile = FromProto(reply);
  EXPECT_EQ(profile[Stage::kStep].calls, 5u);
  EXPECT_EQ(profile[Stage::kSubmit].calls, 0u);
}

TEST_F(AdminTest, SaysWhichSocketNobodyListensOn) {
  const absl::StatusOr<ProfileSnapshot> asked = AskProfile(path(), absl::Seconds(60));
  EXPECT_EQ(asked.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(asked.status().message()), HasSubstr(path()));
}

TEST_F(AdminTest, IsNotToBeReachedFromTheClientPort) {
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  const auto stub = v1::Admin::NewStub(server.NewChannel());
  v1::StopReply reply;
  EXPECT_EQ(stub->Stop(NewContext().get(), {}, &reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_FALSE(chain.stop_requested());
}

TEST_F(AdminTest, HasNothingBesideTheSocketThatAKilledProcessWouldLeave) {
  FakeChain chain;
  const ClientTestServer server(&chain, {.admin_socket = path()});
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, testing::ElementsAre("admin.sock"));
}

TEST_F(AdminTest, DoesNotServeClientsOnTheSocket) {
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  const auto stub =
      v1::Kiln::NewStub(grpc::CreateChannel("unix:" + path(), grpc::InsecureChannelCredentials()));
  v1::SubmitReply reply;
  EXPECT_EQ(stub->Submit(NewContext().get(), {}, &reply).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(AdminTest, ReplacesASocketThatNobodyListensOn) {
  LeaveStaleSocket();
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  v1::StatusReply status;
  EXPECT_TRUE(Operator()->GetStatus(NewContext().get(), {}, &status).ok());
}

TEST_F(AdminTest, RefusesASocketThatAnotherProcessListensOn) {
  FakeChain chain;
  ClientTestServer server(&chain, {.admin_socket = path()});
  const auto second = AdminSocket::Prepare(path());
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  v1::StatusReply status;
  EXPECT_TRUE(Operator()->GetStatus(NewContext().get(), {}, &status).ok());
}

TEST_F(AdminTest, RefusesToReplaceAFile) {
  std::ofstream(path()) << "precious";
  const auto socket = AdminSocket::Prepare(path());
  EXPECT_TRUE(absl::IsAlreadyExists(socket.status()));
  EXPECT_THAT(std::string(socket.status().message()), HasSubstr("is no socket"));
  EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(AdminTest, RefusesAPathThatIsTooLongForASocket) {
  const auto socket = AdminSocket::Prepare(folder_ + "/" + std::string(120, 'a'));
  EXPECT_TRUE(absl::IsInvalidArgument(socket.status())) << socket.status();
}

TEST_F(AdminTest, LeavesNothingBehind) {
  FakeChain chain;
  { ClientTestServer server(&chain, {.admin_socket = path()}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST(Health, FollowsTheReadinessOfTheNodeAndSaysWhy) {
  FakeChain chain;
  bool ready = true;
  chain.tamper_status = [&ready](NodeStatus* status) {
    status->ready = ready;
    if (!ready) status->not_ready_reason = "catching up: 12 blocks behind\n";
  };
  ClientTestServer server(&chain);
  const auto stub = health::Health::NewStub(server.NewChannel());
  health::HealthCheckResponse response;
  auto context = NewContext();
  ASSERT_TRUE(stub->Check(context.get(), {}, &response).ok());
  EXPECT_EQ(response.status(), health::HealthCheckResponse::SERVING);
  EXPECT_EQ(context->GetServerTrailingMetadata().count(kNotReadyReasonMetadata), 0u);

  ready = false;
  context = NewContext();
  ASSERT_TRUE(stub->Check(context.get(), {}, &response).ok());
  EXPECT_EQ(response.status(), health::HealthCheckResponse::NOT_SERVING);
  const auto& metadata = context->GetServerTrailingMetadata();
  const auto reason = metadata.find(kNotReadyReasonMetadata);
  ASSERT_NE(reason, metadata.end());
  EXPECT_EQ(std::string(reason->second.data(), reason->second.size()),
            "catching up: 12 blocks behind?");
}

TEST(Health, KnowsTheServicesThatThereAre) {
  FakeChain chain;
  ClientTestServer server(&chain);
  const auto stub = health::Health::NewStub(server.NewChannel());
  health::HealthCheckRequest request;
  health::HealthCheckResponse response;
  request.set_service("kiln.v1.Kiln");
  EXPECT_TRUE(stub->Check(NewContext().get(), request, &response).ok());
  request.set_service("kiln.v1.Admin");
  EXPECT_EQ(stub->Check(NewContext().get(), request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// --- The status on the wire

TEST(StatusOnTheWire, HasHowCatchingUpAndTheScrubGetOn) {
  NodeStatus status;
  status.catching_up =
      CatchUpStatus{.height = 1544, .target = 6200, .blocks_per_second = 1180, .seconds_left = 3.9};
  status.scrub = ScrubStatus{.height = 4011,
                             .passes = 2,
                             .last_completed = absl::FromUnixSeconds(1'700'000'000),
                             .damaged = 1,
                             .repaired = 3,
                             .damage = "height 7: payload: damaged"};
  v1::StatusReply reply;
  ToProto(status, &reply);
  const absl::StatusOr<NodeStatus> back = FromProto(reply);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_TRUE(back->catching_up.has_value());
  EXPECT_EQ(back->catching_up->height, 1544u);
  EXPECT_EQ(back->catching_up->target, 6200u);
  EXPECT_EQ(back->catching_up->blocks_per_second, 1180);
  EXPECT_EQ(back->catching_up->seconds_left, 3.9);
  ASSERT_TRUE(back->scrub.has_value());
  EXPECT_EQ(back->scrub->height, 4011u);
  EXPECT_EQ(back->scrub->passes, 2u);
  EXPECT_EQ(back->scrub->last_completed, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(back->scrub->damaged, 1u);
  EXPECT_EQ(back->scrub->repaired, 3u);
  EXPECT_EQ(back->scrub->damage, "height 7: payload: damaged");
}

TEST(StatusOnTheWire, SaysNothingOfWhatIsNot) {
  v1::StatusReply reply;
  ToProto(NodeStatus(), &reply);
  const absl::StatusOr<NodeStatus> back = FromProto(reply);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->catching_up.has_value());
  EXPECT_FALSE(back->scrub.has_value());
}

TEST(StatusOnTheWire, IsRefusedWithARateThatIsNoNumber) {
  for (const double odd :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    NodeStatus status;
    status.catching_up = CatchUpStatus{.blocks_per_second = odd};
    v1::StatusReply reply;
    ToProto(status, &reply);
    EXPECT_FALSE(FromProto(reply).ok());
    status.catching_up = CatchUpStatus{.seconds_left = odd};
    ToProto(status, &reply);
    EXPECT_FALSE(FromProto(reply).ok());
  }
}

}  // namespace
}  // namespace kiln::network
