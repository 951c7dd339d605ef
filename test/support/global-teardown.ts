import { stopSharedServer } from './shared-server';

// Jest wants a default export here.
export default stopSharedServer;
