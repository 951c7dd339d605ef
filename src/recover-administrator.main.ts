import 'reflect-metadata';
import { administratorNames, recoverAdministrator } from './accounts/recover-administrator';
import { Misused, runTool } from './tool';

/** Exit code 0: done; 2: there is no such user, or the database cannot be used, and nothing is changed. */
void runTool(
  {
    failure: 'No administrator was recovered',
    applicationName: 'fog-compute-recover',
    usage: 'The user name comes last: npm run administrator:recover -- ada',
    run: async (dataSource) => {
      const [name] = process.argv.slice(process.argv[2] === 'recover-administrator' ? 3 : 2);
      if (name === undefined) throw new Misused('the user name is missing');
      const link = await recoverAdministrator(dataSource, name);
      if (!link) {
        const names = await administratorNames(dataSource);
        throw new Misused(`there is no user ${JSON.stringify(name)}; the administrators are: ${names.join(', ') || 'none'}`);
      }
      process.stdout.write(
        `${name} is an active administrator. With this link, good until ${link.expiresAt.toISOString()}, a new password is set:\n\n` +
          `  POST /api/auth/password-reset/confirm\n  {"token":"${link.token}","password":"YOUR-NEW-PASSWORD"}\n`,
      );
      return 0;
    },
  },
  process.env,
);
