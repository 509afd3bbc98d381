// swift-tools-version:6.1
import PackageDescription

// Builds the two protoc plugins that Scripts/protos uses; nothing of the product depends on it.
let package = Package(
  name: "codegen-tools",
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf.git", exact: "1.39.0"),
    .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", exact: "2.4.1"),
  ],
  targets: [
    .executableTarget(
      name: "codegen-tools",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")])
  ]
)
