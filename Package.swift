// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// A library target; imports only point down the list below.
func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of the target of the same name.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
    swiftSettings: strict)
}

let package = Package(
  name: "guestscope",
  products: [
    .executable(name: "guestscope", targets: ["guestscope"]),
    .library(
      name: "GuestScope",
      targets: [
        "Bytes", "GuestMemory", "Paging", "RemoteProtocol", "GDBStub", "BTF", "KernelImage",
        "LinuxKernel", "KernelBPF",
      ]),
  ],
  dependencies: [
    // docs/commands.md and a test hold its help texts word for word.
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2"))
  ],
  targets: [
    target("Bytes"),
    target("GuestMemory", ["Bytes"]),
    target("Paging", ["GuestMemory"]),
    target("RemoteProtocol", ["Bytes"]),
    .systemLibrary(name: "CLinux"),
    target("GDBStub", ["Bytes", "GuestMemory", "RemoteProtocol", "CLinux"]),
    target("BTF", ["Bytes"]),
    .systemLibrary(name: "CArchive"),
    target("KernelImage", ["Bytes", "BTF", "CArchive"]),
    target("LinuxKernel", ["Bytes", "GuestMemory", "Paging", "BTF", "KernelImage"]),
    target("KernelBPF", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    .systemLibrary(name: "CReadline"),
    target("LineEditing", ["CReadline"]),
    target(
      "Commands",
      [
        "LineEditing", "Bytes", "GuestMemory", "Paging", "RemoteProtocol", "GDBStub", "BTF",
        "KernelImage", "LinuxKernel", "KernelBPF",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "guestscope", dependencies: ["Commands", "GDBStub"], swiftSettings: strict),
    target(
      "TestSupport",
      ["Bytes", "GuestMemory", "Paging", "RemoteProtocol", "BTF", "KernelImage"]),
    tests("Bytes"),
    tests("GuestMemory", ["Bytes"]),
    tests("Paging", ["Bytes", "GuestMemory"]),
    tests("RemoteProtocol", ["Bytes"]),
    tests("GDBStub", ["Bytes", "GuestMemory", "RemoteProtocol"]),
    tests("BTF", ["Bytes"]),
    tests("LineEditing"),
    tests("Commands", ["KernelBPF", "GDBStub", "LineEditing"]),
    .testTarget(
      name: "LiveTests",
      dependencies: [
        "guestscope", "Commands", "GDBStub", "GuestMemory", "KernelImage", "TestSupport",
      ],
      swiftSettings: strict),
    tests("KernelImage", ["Bytes", "BTF"]),
    tests("LinuxKernel", ["Bytes", "GuestMemory", "Paging", "BTF", "KernelImage"]),
    tests("KernelBPF", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "GDBStub"]),
  ],
  swiftLanguageModes: [.v6]
)
