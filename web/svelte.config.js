export default {
  compilerOptions: { runes: true },
  vitePlugin: {
    // Icon components come compiled in their own mode.
    dynamicCompileOptions: ({ filename }) => (filename.includes("node_modules") ? { runes: undefined } : undefined),
  },
};
