import Kubernetes
import KubernetesTesting
import Mutations
import SPIFFE
import Testing

@testable import AgentPlugins

/// What a kubelet's answer is read as, and the selectors that come of it.
@Suite struct PodListTests {
  private static func full() -> TestPod {
    var pod = TestPod(
      "web-0", uid: TestPod.uid(1),
      containers: [
        .init("web", id: TestPod.id(1), image: "web:1", imageID: "web@sha256:1"),
        .init("proxy", id: TestPod.id(2), image: "envoy:1", imageID: "envoy@sha256:2"),
      ])
    pod.initContainers = [.init("setup", id: TestPod.id(3), image: "setup:1", imageID: "setup@sha256:3")]
    pod.namespace = "shop"
    pod.serviceAccount = "web"
    pod.labels = [("tier", "front"), ("app", "web")]
    pod.owners = [.init("apps/v1", "StatefulSet", "web", uid: "owner-1")]
    return pod
  }

  private static func text(_ pods: [TestPod]) -> [UInt8] {
    JSONValue.object(["kind": "PodList", "items": .array(pods.map(\.json))]).encoded()
  }

  private static func list(_ pods: [TestPod]) throws -> PodList {
    PodList(version: 1, startedAt: .zero, pods: try PodList.parse(text(pods)))
  }

  @Test func selectorsOfAPodAreUpstreams() throws {
    let pod = try #require(try PodList.parse(Self.text([Self.full()])).first)
    #expect(
      pod.selectors == [
        "sa:web", "ns:shop", "node-name:node-1", "pod-uid:\(TestPod.uid(1))", "pod-name:web-0", "pod-image-count:2",
        "pod-init-image-count:1", "pod-image:web@sha256:1", "pod-image:web:1", "pod-image:envoy@sha256:2",
        "pod-image:envoy:1", "pod-init-image:setup@sha256:3", "pod-init-image:setup:1", "pod-label:app:web",
        "pod-label:tier:front", "pod-owner:StatefulSet:web", "pod-owner-uid:StatefulSet:owner-1",
      ])
    let container = try #require(pod.container(TestPod.id(2)))
    #expect(
      PodRecord.selectors(of: container) == [
        "container-name:proxy", "container-image:envoy@sha256:2", "container-image:envoy:1",
      ])
  }

  @Test func imagesAppearOnce() throws {
    var pod = Self.full()
    pod.containers = [
      .init("a", id: TestPod.id(1), image: "same", imageID: "same"),
      .init("b", id: TestPod.id(2), image: "same", imageID: "other"),
    ]
    let read = try #require(try PodList.parse(Self.text([pod])).first)
    #expect(read.selectors.filter { $0.hasPrefix("pod-image:") } == ["pod-image:same", "pod-image:other"])
    #expect(read.selectors.contains("pod-image-count:2"))
  }

  @Test func containersAreFoundByTheRuntimesID() throws {
    let list = try Self.list([Self.full(), TestPod("other", uid: TestPod.uid(2))])
    func name(_ id: Int, pod: String?) -> String? {
      if case .container(_, let container) = list.find(container: TestPod.id(id), podUID: pod) { return container.name }
      return nil
    }
    #expect(name(1, pod: nil) == "web")
    #expect(name(2, pod: TestPod.uid(1)) == "proxy")
    #expect(name(3, pod: TestPod.uid(1)) == "setup", "init containers count")
    #expect(name(1, pod: TestPod.uid(2)) == nil, "the pod that the host names is the only one that counts")
    #expect(list.find(container: TestPod.id(9), podUID: nil) == .nothing)
    #expect(list.find(container: TestPod.id(9), podUID: "unknown") == .nothing)
    guard case .pod(let known) = list.find(container: TestPod.id(9), podUID: TestPod.uid(1)) else {
      Issue.record("the pod is known")
      return
    }
    #expect(known.metadata.name == "web-0")
  }

  @Test func oneContainerInTwoPodsIsNoAnswer() throws {
    var second = Self.full()
    second.uid = TestPod.uid(2)
    let list = try Self.list([Self.full(), second])
    #expect(list.find(container: TestPod.id(1), podUID: nil) == .twoPods)
    guard case .container(let pod, _) = list.find(container: TestPod.id(1), podUID: TestPod.uid(2)) else {
      Issue.record("the host knows which pod it is")
      return
    }
    #expect(pod.uid == TestPod.uid(2))
  }

  @Test(arguments: [
    ("containerd://abc", "abc"), ("docker://abc", "abc"), ("cri-o://abc/x?y#z", "abc"), ("x://user@abc", "abc"),
    ("abc", nil), ("containerd://", nil), ("", nil),
  ])
  func hostPartOfAContainerID(_ id: String, _ host: String?) {
    var container = PodRecord.Container()
    container.containerID = id
    #expect(container.runtimeID.map(String.init) == host)
  }

  @Test func partialStatusIsRead() throws {
    var pod = TestPod("early", uid: TestPod.uid(4), containers: [.init("web", id: nil)])
    let waiting = try #require(try PodList.parse(Self.text([pod])).first)
    #expect(waiting.containers.count == 1 && waiting.containers[0].runtimeID == nil)
    pod.hasStatus = false
    let bare = try #require(try PodList.parse(Self.text([pod])).first)
    #expect(bare.selectors.contains("pod-image-count:0"))
    let null = #"{"items":[{"metadata":{"uid":"u","labels":null},"spec":null,"status":{"containerStatuses":null}}]}"#
    #expect(try PodList.parse(Array(null.utf8)).first?.uid == "u")
  }

  @Test func podsWithoutUIDAreLeftOutAndOfTwoTheLaterCounts() throws {
    var nameless = 0
    let text = #"{"items":[{"metadata":{"uid":"u","name":"a"}},{"metadata":{}},{"metadata":{"uid":"u","name":"b"}}]}"#
    let pods = try PodList.parse(Array(text.utf8)) { nameless = $0 }
    #expect(pods.map(\.metadata.name) == ["b"])
    #expect(nameless == 1)
  }

  @Test(arguments: [
    ("[]", "invalid kubelet response: expected an object"), ("{}", "invalid kubelet response: expected an items array"),
    (#"{"items":{}}"#, "invalid kubelet response: expected an items array"), ("", "unable to parse kubelet response: "),
    (#"{"items":["#, "unable to parse kubelet response: "), (#"{"items":[]} x"#, "unable to parse kubelet response: "),
    (#"{"items":[{"metadata":{"uid":7}}]}"#, "unable to parse kubelet response: "),
    (#"{"items":[{"spec":{"x":[}]}"#, "unable to parse kubelet response: "),
    ("{\"items\":[" + String(repeating: "[", count: 500), "unable to parse kubelet response: "),
    ("{\"x\":" + String(repeating: "[", count: 100_000), "unable to parse kubelet response: "),
  ])
  func malformedAnswersAreRefused(_ text: String, _ message: String) {
    let error = #expect(throws: AgentPluginError.self) { try PodList.parse(Array(text.utf8)) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.hasPrefix("workloadattestor(k8s): " + message) == true, "\(error?.message ?? "")")
  }

  @Test func tooManyPodsAreRefused() {
    let pod = { (number: Int) in "{\"metadata\":{\"uid\":\"\(number)\"}}" }
    let text = "{\"items\":[\((0...PodList.maximumPods).map(pod).joined(separator: ","))]}"
    #expect(throws: AgentPluginError.self) { try PodList.parse(Array(text.utf8)) }
  }

  @Test func noListIsNullAsGoWritesIt() throws {
    #expect(try PodList.parse(Array(#"{"items":null}"#.utf8)).isEmpty)
  }

  @Test func escapesAreRead() throws {
    let text = #"{"it\u0065ms":[{"metadata":{"uid":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d"}}]}"#
    let pod = try #require(try PodList.parse(Array(text.utf8)).first)
    #expect(pod.uid == "\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600}\u{FFFD}")
  }

  @Test func nearlyRightAnswersNeverCrash() {
    for bytes in Mutations(of: Self.text([Self.full()]), count: 3000) {
      guard let pods = try? PodList.parse(bytes) else { continue }
      for pod in pods {
        #expect(!pod.uid.isEmpty)
        _ = pod.selectors
      }
    }
  }
}
