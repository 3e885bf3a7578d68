// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// The modules of the library have a prefix, so that they do not collide with others in the package
/// graph of a client; their folders do without.
let prefix = "GuestScope"
let library = [
  "Bytes", "GuestMemory", "Paging", "RemoteProtocol", "GDBStub", "BTF", "KernelImage",
  "KernelCache", "LinuxKernel", "KernelBPF", "KernelLog", "KernelTasks",
  "KernelStacks", "KernelScheduler",
]

func module(_ name: String) -> Target.Dependency {
  .byName(name: library.contains(name) ? prefix + name : name)
}

/// A target of the library. It imports only those above it in the list below.
func library(_ name: String, _ dependencies: [String] = []) -> Target {
  .target(
    name: prefix + name, dependencies: dependencies.map(module), path: "Sources/" + name,
    swiftSettings: strict)
}

/// A target of the program and its tests.
func target(_ name: String, _ dependencies: [String], _ more: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies.map(module) + more, swiftSettings: strict)
}

/// The tests of the target of the same name; those of the whole are called Live. They are never
/// optimised, which would take minutes; the code that they test is.
func tests(_ name: String, _ dependencies: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests",
    dependencies: (["TestSupport"] + (name == "Live" ? [] : [name]) + dependencies).map(module),
    swiftSettings: strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))])
}

/// A module of the C library, or of another C library, in the folder of its short name.
func system(_ name: String) -> Target {
  .systemLibrary(name: "CGuestScope" + name, path: "Sources/C" + name)
}

let package = Package(
  name: "guestscope",
  products: [
    .executable(name: "guestscope", targets: ["guestscope"]),
    .library(name: "GuestScope", targets: ["GuestScope"]),
  ],
  dependencies: [
    // docs/commands.md and a test hold its help texts word for word.
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2"))
  ],
  targets: [
    library("Bytes"),
    library("GuestMemory", ["Bytes"]),
    library("Paging", ["GuestMemory"]),
    library("RemoteProtocol", ["Bytes"]),
    system("Linux"),
    library("GDBStub", ["Bytes", "GuestMemory", "RemoteProtocol", "CGuestScopeLinux"]),
    library("BTF", ["Bytes"]),
    system("Archive"),
    system("XXHash"),
    library("KernelImage", ["Bytes", "BTF", "CGuestScopeArchive"]),
    library("KernelCache", ["Bytes", "BTF", "KernelImage", "CGuestScopeXXHash"]),
    library("LinuxKernel", ["Bytes", "GuestMemory", "Paging", "BTF", "KernelImage"]),
    library("KernelBPF", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    library("KernelLog", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    library("KernelTasks", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    library(
      "KernelStacks",
      ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "KernelBPF", "KernelTasks"]),
    library(
      "KernelScheduler",
      [
        "Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "KernelBPF", "KernelLog",
        "KernelTasks",
      ]),
    target("GuestScope", library),
    .systemLibrary(name: "CReadline"),
    target("LineEditing", ["CReadline"]),
    system("Capstone"),
    target("Disassembly", ["CGuestScopeCapstone"]),
    target(
      "Commands", ["LineEditing", "Disassembly", "CGuestScopeLinux"] + library,
      [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .executableTarget(
      name: "guestscope", dependencies: ["Commands", module("GDBStub")], swiftSettings: strict),
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
    tests("Disassembly"),
    tests(
      "Commands",
      [
        "BTF", "GuestMemory", "KernelImage", "KernelCache", "LinuxKernel", "KernelBPF", "KernelLog",
        "KernelTasks", "KernelStacks", "KernelScheduler", "GDBStub", "LineEditing",
      ]),
    tests("KernelImage", ["Bytes", "BTF"]),
    tests("KernelCache", ["Bytes", "BTF", "KernelImage"]),
    tests("LinuxKernel", ["Bytes", "GuestMemory", "Paging", "BTF", "KernelImage"]),
    tests("KernelBPF", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "GDBStub"]),
    tests("KernelLog", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    tests("KernelTasks", ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
    tests(
      "KernelStacks",
      ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "KernelBPF", "KernelTasks"]),
    tests(
      "KernelScheduler",
      ["Bytes", "GuestMemory", "BTF", "KernelImage", "LinuxKernel", "KernelLog", "KernelTasks"]),
    tests(
      "Live",
      ["guestscope", "Commands", "GDBStub", "GuestMemory", "BTF", "KernelImage", "LinuxKernel"]),
  ],
  swiftLanguageModes: [.v6]
)

// For scripts/fuzz alone: not every toolchain has libFuzzer.
if Context.environment["GUESTSCOPE_FUZZ"] != nil {
  package.targets += [
    system("Fuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: (["Commands", "TestSupport", "CGuestScopeFuzzer"] + library).map(module),
      swiftSettings: strict),
  ]
}
