// What DPF wants to know about the plug-in while it compiles.
#ifndef DISTRHO_PLUGIN_INFO_H_INCLUDED
#define DISTRHO_PLUGIN_INFO_H_INCLUDED

#define DISTRHO_PLUGIN_BRAND "Triode"
#define DISTRHO_PLUGIN_NAME "Triode"
#define DISTRHO_PLUGIN_URI "urn:triode:rig"
#define DISTRHO_PLUGIN_CLAP_ID "triode.rig"

#if defined(TRIODE_WINDOW)
#define DISTRHO_PLUGIN_HAS_UI 1
// The window reads names, meters and sentences from the rig beside it, and writes by parameters and states alone.
#define DISTRHO_PLUGIN_WANT_DIRECT_ACCESS 1
#define DISTRHO_UI_USE_NANOVG 1
#define DISTRHO_UI_USER_RESIZABLE 1
#define DISTRHO_UI_DEFAULT_WIDTH 800
#define DISTRHO_UI_DEFAULT_HEIGHT 540
#else
#define DISTRHO_PLUGIN_HAS_UI 0
#endif
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#if !defined(TRIODE_WITHOUT_MIDI)
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 1  // program changes
#endif
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1

#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:SimulatorPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Distortion|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "distortion", "stereo"

#endif
